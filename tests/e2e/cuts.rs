//! A new device loads everything over a road that is cut fifty times. With 10,000 visits: `cargo xtask bench first`.

use crate::stage::{Stage, UNIT, id_of, lines, new_visit};

#[test]
fn fifty_cuts_cost_no_more_than_a_chunk_each_and_the_newest_come_first() {
    let stage = Stage::new();
    let writer = stage.device("writer");
    let recorded = lines(500, 900);
    writer.record(&recorded).json();
    writer.sync();
    stage.server.command("compact", &[]).json();
    // What comes after the chunks stands in the log.
    new_visit(&writer, "sau khi đóng gói");
    writer.sync();
    let seed = 1;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let loaded = runtime.block_on(gandan_tests::first::load(&stage.server, stage.folder.path(), UNIT, 50, seed));
    assert_eq!((loaded.cuts, loaded.visits), (50, 901), "seed {seed}");
    assert!(loaded.chunks > 5, "seed {seed}: {} chunks are too few to be cut", loaded.chunks);
    assert!(loaded.down > loaded.uncut, "seed {seed}: nothing was cut");
    let (again, allowed) = (loaded.again(), loaded.allowed());
    assert!(again <= allowed, "seed {seed}: {again} bytes again for each cut, of at most {allowed}");
    let ids: Vec<String> = recorded.iter().map(|line| id_of(line)).collect();
    let newest = loaded.newest_first(&ids);
    assert!(newest >= 80, "seed {seed}: {newest} % of the first half are of the newest");
}
