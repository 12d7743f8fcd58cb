//! A deterministic simulator: the real client, server and SQLite, in one thread, on disks in memory.
//!
//! A seed chooses a scenario: some two hundred steps of devices and a server (saves, sealing, requests, answers) among
//! faults of every kind: messages lost, late, twice, in any order, cut off, spoilt; machines killed or without power at
//! any write, with what was not synced forgotten or torn; disks that are full or refuse a write; clocks that jump;
//! officials who move, devices that are revoked, records that are erased, logs that are compacted. After every step
//! what is known then is checked; after the last one everything is healed, and within three exchanges of each device
//! everybody must agree. The same seed leaves the same trace, byte for byte.
//!
//! What is right is decided by the [`oracle`], which learns from what passes between the machines and from the
//! server's tables, and never from the product's own conclusions.
//!
//! | invariant | what is watched, and where |
//! |---|---|
//! | 1 equal heads and digests | digest and heads recomputed from the saved changes by set arithmetic, documents built anew; server and every device against them: [`heal`] |
//! | 2 an acknowledged change survives | what a status or an answer named is there after every start of the server; what a save returned is there after every start of a device: [`watch`]; every saved change ends in the log: [`heal`] |
//! | 3 one place for each envelope | every new line of a log: [`oracle`] |
//! | 4 no gaps, no change of the past | place and chain of every new line; every cursor in an answer and on a device against the log as it was shown first: [`oracle`], [`watch`] |
//! | 5 nothing without a grant | spaces named in every answer; the writer of every new line at the moment it comes: [`watch`], [`oracle`] |
//! | 6 what was taken is gone | no readable space and no document of which the server has everything: [`heal`] |
//! | 7 nothing blocks, queues empty | an exchange ends within 64 round trips: [`world`]; three exchanges empty every queue: [`heal`] |
//! | 8 one change for each place in a document | (document, actor, sequence) of every change in a log; one signature for each envelope number that leaves a device: [`oracle`], [`watch`] |
//! | 9 what was erased stays away | no new change of an erased document: [`oracle`]; none on server and devices in the end: [`heal`] |
//! | 10 a rollback is noticed | not yet: no step restores a server or copies a device |
//! | 11 bounded | the size of every answer against what the request wanted: [`watch`] |
//! | 12 older clients | not here: there is one version so far; golden files keep its wire forms readable |
//! | 13 an idle exchange is cheap | after healing, 150 bytes each way: [`heal`] |
//!
//! A panic, a change that nobody wrote, a device that wrongly takes itself for a clone count as 0. That the checks see
//! what they should is shown by planting mistakes in the product: `tests/sim/mutants.rs`.

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

/// A folder for what scenarios keep in real files, in memory where the system has such a place.
pub fn work_folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a folder for temporary files")
}
