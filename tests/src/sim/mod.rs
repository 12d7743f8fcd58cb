//! A deterministic simulator: the real client, server and SQLite, in one thread, on disks in memory.
//!
//! A seed chooses a scenario: some two hundred steps of devices and a server (saves, sealing, requests, answers) among
//! faults of every kind: messages lost, late, twice, in any order, cut off, spoilt; machines killed or without power at
//! any write, with what was not synced forgotten or torn; disks that are full or refuse a write; clocks that jump; slow
//! readers, apps of another age, several requests in one commit; officials who move, devices that are revoked, lost and
//! emptied, copied, or given an older copy of their storage; records that are erased, logs that are compacted, things in
//! quarantine that somebody decides about, servers that are restored from a backup. After every step what is known then is
//! checked; after the last one everything is healed, and within three exchanges of each device everybody must agree. The
//! same seed leaves the same trace, byte for byte.
//!
//! What is right is decided by the [`oracle`], which learns from what passes between the machines and from the
//! server's tables, and never from the product's own conclusions.
//!
//! | invariant | what is watched, and where |
//! |---|---|
//! | 1 equal heads and digests | digest and heads recomputed from the saved changes by set arithmetic, documents built anew; server, every device, snapshots and lists of the views against them: [`heal`], [`views`] |
//! | 2 an acknowledged change survives | what a status or an answer named is there after every start of the server; what a save returned is there after every start of a device: [`watch`]; every saved change ends in the log or in quarantine: [`heal`]; what a device says again under another name reads as before: [`copies`] |
//! | 3 one place for each envelope | every new line of a log: [`oracle`] |
//! | 4 no gaps, no change of the past | place and chain of every new line; every cursor in an answer and on a device against the log as it was shown first: [`oracle`], [`watch`] |
//! | 5 nothing without a grant | spaces named in every answer, and asked for beside the round trip; the writer of every new line at the moment it comes; the server's table of rights after every start, restored or not: [`watch`], [`oracle`], [`rights`] |
//! | 6 what was taken is gone | no readable space and no document of which the server has everything: [`heal`]; nothing at all on a lost device: [`copies`] |
//! | 7 nothing blocks, queues empty | an exchange ends within 64 round trips: [`network`]; three exchanges empty every queue: [`heal`] |
//! | 8 one change for each place in a document | (document, actor, sequence) of every change in a log, also while two devices go by one name; one signature for each envelope number that leaves a device: [`oracle`], [`watch`] |
//! | 9 what was erased stays away | no new change of an erased document: [`oracle`]; none on server and devices in the end: [`heal`] |
//! | 10 a rollback is noticed | after a whole exchange a device stands in the log that the server has now: [`watch`]; what any device still held of the log before is in it, or in quarantine, in the end, unless somebody discarded it: [`heal`] |
//! | 11 bounded | the size of every answer against what the request wanted: [`watch`] |
//! | 12 older clients | there is one version so far; an app that knows nothing which may be left out must be able to read every line by itself: [`watch`]; it and one of a later schema take part in everything else |
//! | 13 an idle exchange is cheap | after healing, 150 bytes each way: [`heal`] |
//!
//! A panic, a change that nobody wrote, a device that wrongly takes itself for a clone count as 0. That the checks see
//! what they should is shown by planting mistakes in the product: `tests/sim/mutants.rs`.

pub mod copies;
pub mod decide;
pub mod dice;
pub mod disk;
pub mod heal;
pub mod machines;
pub mod network;
pub mod oracle;
pub mod rights;
pub mod run;
pub mod step;
pub mod template;
pub mod views;
pub mod watch;
pub mod world;

/// A folder for what scenarios keep in real files, in memory where the system has such a place.
pub fn work_folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a folder for temporary files")
}
