//! What people decide, and what operators do: moves, revocations, erasures, quarantine, backups and restores.

use super::dice::Dice;
use super::disk::{Faults, Image};
use super::oracle::{Doc, Logs, Verdict, broken};
use super::template::{UNITS, lay_server_key, official};
use super::world::{World, none};
use gandan_server::commands::begin_again;
use gandan_server::compactor::{self, Compactor};
use gandan_server::core::Core;
use gandan_server::db::sqlite::people::{self, Official};
use gandan_server::db::sqlite::{CORE, devices};
use gandan_server::erasure::{By, erase_everywhere};
use gandan_server::exchange::Undecided;
use gandan_server::folder::{Decision, Folder};
use gandan_server::ledger;

/// Backups kept; the oldest give way.
const MAX_BACKUPS: usize = 3;

/// A backup of the server, and the logs as they were then.
pub struct Backup {
    disk: Image,
    logs: Logs,
}

impl World {
    /// The server packs its documents.
    pub(super) fn compact(&mut self, keep_s: i64) -> Verdict<String> {
        let Some(core) = &self.station.core else { return Ok(none()) };
        let options = compactor::Options { keep_ms: keep_s * 1_000, force: true };
        let done = Compactor::new(core.db.clone()).run(self.now_ms, &options, &|| false);
        self.read_logs()?;
        match done {
            Ok(Some(done)) if done.mismatches > 0 => broken(1, "chunks that do not add up to the log's digest"),
            Ok(Some(done)) => Ok(format!("{} manifests, {} bodies gone", done.manifests, done.dropped)),
            Ok(None) => broken(0, "another compaction is under way"),
            Err(error) => Ok(error.code().to_owned()),
        }
    }

    /// Decisions are rare, and made while the server's disk is in order.
    fn can_decide(&self) -> Option<&Core> {
        let healthy = self.station.disk.faults() == Faults::default();
        self.station.core.as_ref().filter(|_| healthy)
    }

    /// A device is revoked; with `wipe` it is lost and has to be emptied.
    pub(super) fn revoke(&mut self, index: usize, wipe: bool) -> String {
        let (device, at_ms) = (self.phones[index].past.id, self.now_ms);
        let Some(core) = self.can_decide() else { return none() };
        let folder = Folder::at(&self.station.folder);
        core.db
            .write(|transaction| {
                devices::revoke(transaction, &device, wipe, at_ms)?;
                ledger::decide(transaction, &folder, &Decision::DeviceRevoked { device, at_ms, wipe })
            })
            .unwrap();
        self.oracle.rights.revoke(device, wipe);
        self.note_rights();
        device.to_string()
    }

    /// Notes what each device cannot use at this moment.
    pub(super) fn note_rights(&mut self) {
        let rights = &self.oracle.rights;
        for phone in &mut self.phones {
            let lost = rights.spaces().iter().map(|info| info.id).filter(|space| !rights.may_use(phone.past.id, space));
            phone.ever_lost.extend(lost);
        }
    }

    /// A device's official is sent elsewhere.
    pub(super) fn move_official(&mut self, index: usize, units: u8) -> String {
        let at_ms = self.now_ms;
        let Some(core) = self.can_decide() else { return none() };
        let chosen = UNITS.iter().enumerate().filter(|(place, _)| units & (1 << place) != 0);
        let units: Vec<&str> = chosen.map(|(_, unit)| *unit).collect();
        let moved = self.phones[index].official;
        let line = official(moved, &units);
        let folder = Folder::at(&self.station.folder);
        core.db
            .write(|transaction| {
                let official = Official { id: line.id.clone(), name: line.name.clone(), role: line.role };
                people::put_official(transaction, &official, &line.scope, at_ms)?;
                let scope = people::scope(transaction, &line.scope, at_ms)?;
                ledger::regrant(transaction, &line.id, line.role, &scope)?;
                ledger::decide(transaction, &folder, &Decision::OfficialMoved { official: line.clone(), at_ms })
            })
            .unwrap();
        let said = format!("{units:?}");
        self.oracle.rights.move_official(moved, units.into_iter().map(str::to_owned).collect());
        self.note_rights();
        said
    }

    /// A document is erased for good.
    pub(super) fn erase(&mut self, pick: u64) -> Verdict<String> {
        let at = Dice::new(pick).index(self.oracle.docs.len());
        let Some(Doc { id: doc, space, .. }) = self.oracle.docs.get(at).copied() else { return Ok(none()) };
        let info = self.oracle.rights.spaces().iter().find(|info| info.id == space);
        let places: Vec<_> = info.map(|info| (info.id, info.unit.clone(), info.compartment)).into_iter().collect();
        let Some(core) = self.can_decide() else { return Ok(none()) };
        let by = By { who: "sim", role: "administrator", reason: "asked for" };
        erase_everywhere(&core.db, &places, &doc, &by, self.now_ms).unwrap();
        self.oracle.erased.insert(doc);
        self.read_logs()?;
        Ok(doc.to_string())
    }

    /// A manager decides about one of the things in quarantine.
    pub(super) fn judge(&mut self, pick: u64, admit: bool) -> Verdict<String> {
        if self.can_decide().is_none() {
            return Ok(none());
        }
        let open = self.undecided()?;
        match open.get(Dice::new(pick).index(open.len())) {
            Some(id) => self.judge_item(*id, admit),
            None => Ok(none()),
        }
    }

    /// Everything that waits for a decision, the oldest first.
    pub(super) fn undecided(&self) -> Verdict<Vec<i64>> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id FROM quarantine WHERE resolved_ms IS NULL ORDER BY id")?;
            let ids = statement.query_map([], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
    }

    /// A manager decides about this.
    pub(super) fn judge_item(&mut self, id: i64, admit: bool) -> Verdict<String> {
        let Some(core) = self.can_decide() else { return Ok(none()) };
        let by = By { who: "sim", role: "commune_staff", reason: "looked at" };
        let decided = core.exchange.decide(id, admit, &by, |_, _| Ok(()));
        self.oracle.by_decision = true;
        let read = self.read_logs();
        self.oracle.by_decision = false;
        read?;
        match decided {
            Ok(Ok(seq)) => Ok(format!("item {id}: {seq:?}")),
            Ok(Err(Undecided::NotPossible(code))) => Ok(format!("item {id}: {code}")),
            Ok(Err(other)) => broken(0, format!("item {id}: {other:?}")),
            Err(error) => broken(0, format!("a decision on a disk that is in order: {error}")),
        }
    }

    /// A backup is made.
    pub(super) fn back_up(&mut self) -> String {
        if self.can_decide().is_none() {
            return none();
        }
        let disk = self.station.disk.image().only(&[CORE, &format!("{CORE}-wal")]);
        self.backups.push(Backup { disk, logs: self.oracle.logs.clone() });
        if self.backups.len() > MAX_BACKUPS {
            self.backups.remove(0);
        }
        "made".to_owned()
    }

    /// The server is restored, as the command does it.
    pub(super) fn restore(&mut self, pick: u64) -> Verdict<String> {
        let at = Dice::new(pick).index(self.backups.len());
        let Some(backup) = self.backups.get(at).filter(|_| self.can_decide().is_some()) else { return Ok(none()) };
        // The server forgets what was decided since the backup; whoever was told does not.
        let discarded = self.quarantine()?.discarded;
        self.oracle.discarded.extend(discarded);
        self.station.crash(None);
        self.station.disk.put_back(&backup.disk);
        self.oracle.restored(&backup.logs);
        let begun = begin_again(&self.station.folder, self.station.options().db, self.now_ms);
        let incarnation = begun.or_else(|error| broken(2, format!("a backup cannot be restored: {error}")))?;
        self.restores += 1;
        lay_server_key(&self.station.folder, self.restores);
        self.excuse_what_is_gone()?;
        self.start_server()?;
        Ok(format!("backup {at} of {}, incarnation {incarnation}", self.backups.len()))
    }
}
