//! A short run of every fuzzing target, the same each time. The long ones: `cargo xtask fuzz --minutes 10`.

use std::process::Command;

/// Inputs for each target: about half a minute all together.
const INPUTS: [(&str, u32); 11] = [
    ("request", 20_000),
    ("response", 20_000),
    ("query", 20_000),
    ("envelope", 6_000),
    ("chunk", 3_000),
    ("scan", 3_000),
    ("link", 30_000),
    ("edits", 5_000),
    ("import", 500),
    ("file", 5_000),
    ("http", 3_000),
];

#[test]
fn nothing_that_others_write_ends_the_program_or_eats_its_memory() {
    let known: Vec<&str> = gandan_tests::fuzz::TARGETS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(INPUTS.map(|(name, _)| name).to_vec(), known);
    for (target, inputs) in INPUTS {
        let mut call = Command::new(env!("CARGO_BIN_EXE_fuzz"));
        let output = call.args([target, "--seed", "1", "--inputs", &inputs.to_string()]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "seed 1: {said}");
        println!("{}", said.trim());
    }
}
