//! The machines of a deterministic simulator: the real client, server and SQLite on disks in memory, in one thread.

pub mod dice;
pub mod disk;
pub mod heal;
pub mod machines;
pub mod oracle;
pub mod run;
pub mod step;
pub mod template;
pub mod watch;
pub mod world;

#[cfg(test)]
mod tests {
    use super::template::Template;

    #[test]
    fn a_template_is_made() {
        super::disk::install();
        let base = tempfile::tempdir().unwrap();
        let template = Template::make(base.path(), 5);
        let size = super::step::Size { phones: 5, steps: 200 };
        let start = std::time::Instant::now();
        for seed in 61..1000 {
            let outcome = super::run::play_seed(&template, base.path(), size, seed);
            if let Some(violation) = outcome.violation {
                println!("{}", outcome.trace.join("\n"));
                println!("seed {seed}: {violation}");
                let steps = super::run::shrink(&template, base.path(), size, seed, violation.invariant);
                let outcome = super::run::play(&template, base.path(), size, seed, &steps);
                println!("{}\n{:?}", outcome.trace.join("\n"), outcome.violation);
                panic!("seed {seed}");
            }
        }
        println!("{:?}", start.elapsed());
        assert_eq!((template.phones.len(), template.spaces.len()), (5, 5));
        assert!(!template.server.is_empty() && template.phones.iter().all(|phone| !phone.disk.is_empty()));
    }
}
