//! What is looked at while a scenario runs: everything that passes between the machines, and what each holds afterwards.

use super::dice::Dice;
use super::disk::Faults;
use super::machines::Talk;
use super::network::{Errand, Request};
use super::oracle::{Doc, Line, Logged, Saved, Verdict, broken};
use super::step::Who;
use super::world::World;
use gandan_client::ClientError;
use gandan_model::genesis::DocKind;
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_server::db::DbError;
use gandan_store::{Access, Page, Store, StoreError, StoredChange};
use gandan_sync::dictionary::PLAIN;
use gandan_sync::frame::{Kind, split};
use gandan_sync::limits::DEFAULT_BYTE_BUDGET;
use gandan_sync::request::UnverifiedRequest;
use gandan_sync::resolve::Nothing;
use gandan_sync::response::{GrantChange, LogItem, Notice, SpacePart, SyncResponse};
use gandan_sync::{Cursor, RelayedEnvelope, Status};
use std::collections::BTreeSet;

/// What an answer may be longer than its budget: one item, grants, heads.
const BEYOND_BUDGET: usize = 300 << 10;
/// Everything of one kind on a device fits into a page of this size.
const ALL: u32 = 500;

impl World {
    /// Switches the server on and looks whether everything it ever vouched for is there. With a full disk it may refuse to
    /// start, when it has revocations to write first; then its operator makes room.
    pub(super) fn start_server(&mut self) -> Verdict {
        let mut started = self.station.start();
        let faults = self.station.disk.faults();
        if started.is_err() && faults.full {
            self.station.disk.set_faults(Faults { full: false, ..faults });
            started = self.station.start();
        }
        if let Err(error) = started {
            if self.station.disk.faults().dead {
                return Ok(());
            }
            return broken(2, format!("the server does not start: {error}"));
        }
        for index in 0..self.oracle.rights.spaces().len() {
            let (id, no) = self.space(index);
            let confirmed = self.oracle.logs.get(&id).map_or(0, |log| log.confirmed);
            let found = self.read(|connection| {
                let sql = "SELECT chain FROM log WHERE space = ?1 AND seq = ?2";
                let chain = connection.prepare_cached(sql)?.query_row((no, confirmed.cast_signed()), |row| row.get(0));
                Ok(chain.ok())
            })?;
            let found =
                if confirmed == 0 { Some(Cursor::START) } else { found.map(|chain| Cursor { seq: confirmed, chain }) };
            self.oracle.restarted(id, found)?;
        }
        self.read_devices()?;
        self.rights_stand()?;
        self.read_logs()
    }

    /// A space: its id, and its number in the server's database.
    pub(super) fn space(&self, index: usize) -> (SpaceId, i64) {
        let info = &self.oracle.rights.spaces()[index];
        (info.id, info.no)
    }

    /// Takes in devices that became others.
    pub(super) fn read_devices(&mut self) -> Verdict {
        if self.station.core.is_none() || self.station.disk.faults().dead {
            return Ok(());
        }
        let found = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT d.id, d.official, old.id FROM device d LEFT JOIN renewal r ON r.new = d.no
                 LEFT JOIN device old ON old.no = r.old WHERE d.official IS NOT NULL ORDER BY d.no",
            )?;
            let rows = statement.query_map([], |row| {
                let before: Option<[u8; 8]> = row.get(2)?;
                Ok((DeviceId(row.get(0)?), row.get::<_, String>(1)?, before.map(DeviceId)))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        for (device, official, before) in found {
            let official = official.strip_prefix("CB-").and_then(|number| number.parse().ok());
            let Some(official) = official else { return broken(5, format!("{device} belongs to nobody")) };
            self.oracle.rights.found(device, official, before)?;
        }
        self.note_rights();
        Ok(())
    }

    /// What was decided about rights stands, whatever the server has been through.
    fn rights_stand(&self) -> Verdict {
        for (device, enrolled) in self.oracle.rights.devices() {
            let (revoked, units) = self.read(|connection| {
                let revoked = connection
                    .prepare_cached("SELECT revoked_ms IS NOT NULL FROM device WHERE id = ?1")?
                    .query_row([device.0], |row| row.get(0));
                let mut statement = connection.prepare_cached(
                    "SELECT DISTINCT s.unit FROM space_grant g JOIN space s ON s.no = g.space
                     JOIN device d ON d.no = g.device WHERE d.id = ?1 AND g.access = 3",
                )?;
                let units = statement.query_map([device.0], |row| row.get::<_, String>(0))?;
                Ok((revoked.ok(), units.collect::<Result<BTreeSet<_>, _>>()?))
            })?;
            if revoked != Some(enrolled.revoked) || !enrolled.revoked && units != self.oracle.rights.units(device) {
                return broken(5, format!("{device} may use {units:?}, revoked: {revoked:?}; that was not decided"));
            }
        }
        Ok(())
    }

    /// Reads the server's tables, as a person with a database shell would.
    pub(super) fn read<T>(&self, read: impl FnOnce(&rusqlite::Connection) -> Result<T, DbError>) -> Verdict<T> {
        let Some(core) = &self.station.core else { return broken(0, "the server is off") };
        core.db.read(read).or_else(|error| broken(2, format!("the server's tables cannot be read: {error}")))
    }

    /// Takes in what is new in the server's logs. Nothing of a dead disk can be read; then the next start does.
    pub(super) fn read_logs(&mut self) -> Verdict {
        if self.station.core.is_none() || self.station.disk.faults().dead {
            return Ok(());
        }
        for index in 0..self.oracle.rights.spaces().len() {
            let (id, no) = self.space(index);
            let known = self.oracle.logs.get(&id).map_or(0, |log| log.lines.len());
            let known = i64::try_from(known).unwrap_or(i64::MAX);
            let lines = self.read(|connection| new_lines(connection, no, known))?;
            if lines.is_empty() {
                continue;
            }
            for (seq, line) in lines {
                self.oracle.line(id, seq, line)?;
            }
            for change in self.read(|connection| new_changes(connection, no, known))? {
                self.oracle.change(id, change)?;
            }
        }
        Ok(())
    }

    /// Lets the server answer; none if it is off or died over it.
    pub(super) fn serve(&mut self, request: &Request, bytes: &[u8]) -> Verdict<Option<Vec<u8>>> {
        let answer = self.station.answer(request.query, bytes);
        if request.errand == Errand::Renew {
            self.read_devices()?;
        }
        self.read_logs()?;
        if let Some(answer) = &answer {
            self.look_at_answer(request, bytes, answer)?;
        }
        Ok(answer)
    }

    /// An answer that leaves the server: true, bounded, and only for those who may see it.
    pub(super) fn look_at_answer(&mut self, request: &Request, bytes: &[u8], answer: &[u8]) -> Verdict {
        let device = request.device;
        if let Errand::Read(space) = request.errand
            && !matches!(split(answer), Ok((Kind::Problem, _)))
            && !self.oracle.rights.may_use(device, &space)
        {
            return broken(5, format!("{device} reads in space {space}"));
        }
        let Ok(response) = SyncResponse::decode(answer) else { return Ok(()) };
        for (device_seq, status) in &response.statuses {
            if let Status::Durable { seq } = status {
                self.oracle.durable(device, *device_seq, *seq)?;
            }
        }
        for part in &response.parts {
            if !self.oracle.rights.may_use(device, &part.space) {
                return broken(5, format!("{device} is served space {}", part.space));
            }
            if matches!(part.notice, Some(Notice::ChainDiverged { .. })) {
                continue;
            }
            self.oracle.confirm(part.space, part.cursor)?;
            if request.errand == Errand::Round(true) {
                self.can_be_read_by_all(part)?;
            }
        }
        for grant in &response.grants {
            if let GrantChange::Given { space, .. } = grant
                && !self.oracle.rights.may_use(device, space)
            {
                return broken(5, format!("{device} is given space {space}"));
            }
        }
        is_bounded(&response, answer.len(), request_budget(bytes))
    }

    /// What an app gets that knows nothing which may be left out it can read by itself: no short reference, no dictionary.
    fn can_be_read_by_all(&self, part: &SpacePart) -> Verdict {
        for item in &part.items {
            let LogItem::Envelope { seq, hash, relayed } = item else { continue };
            let opened = RelayedEnvelope::from_bytes(relayed).ok().and_then(|relayed| {
                let is_plain = relayed.dict == PLAIN;
                relayed.open(part.space, None, &Nothing).ok().filter(|_| is_plain)
            });
            let line = usize::try_from(seq - 1).ok().and_then(|at| self.oracle.logs.get(&part.space)?.lines.get(at));
            let (wanted, named) = (line.map(|line| line.hash), hash.map(|hash| hash.0));
            if wanted.is_none() || opened.map(|envelope| envelope.hash.0) != wanted || named != wanted {
                return broken(12, format!("space {}: an older app cannot read line {seq}", part.space));
            }
        }
        Ok(())
    }

    /// A request that leaves a device: no number is ever used for two envelopes.
    pub(super) fn note_sent(&mut self, index: usize, bytes: &[u8]) -> Verdict {
        let Ok(request) = UnverifiedRequest::decode(bytes) else { return broken(0, "a request that cannot be read") };
        let device = request.device();
        let Ok(request) = gandan_sync::request::salvage(bytes) else { return Ok(()) };
        for push in request.envelopes {
            let before = self.phones[index].sent.insert((device, push.device_seq), push.signature.0);
            if before.is_some_and(|before| before != push.signature.0) {
                return broken(8, format!("{device} has signed two envelopes {}", push.device_seq));
            }
        }
        Ok(())
    }

    /// Gives an answer to the device that waits for it; says what came of it: `taken`, or a code.
    pub(super) fn at_phone(&mut self, index: usize, request: &Request, answer: &[u8]) -> Verdict<String> {
        if request.says_again() {
            self.remember_sayings(index)?;
        }
        let phone = &mut self.phones[index];
        let Some(client) = phone.client.clone() else { return Ok("off".to_owned()) };
        let waits = phone.talk.open.take_if(|(number, _)| *number == request.number);
        let Some((_, errand)) = waits else { return Ok("nobody waits for it".to_owned()) };
        let result = phone.talk.exchange.take(&client, errand, answer);
        drop(client);
        let report = &phone.talk.exchange.report;
        let taken = report.grants.iter().filter(|grant| !grant.given).map(|grant| grant.space);
        phone.past.taken.extend(taken);
        let said = match result {
            Ok(()) => "taken".to_owned(),
            Err(error) => {
                phone.talk = Talk::default();
                if matches!(error, ClientError::Wiped) {
                    self.was_emptied(index)?;
                }
                error.code().to_owned()
            }
        };
        self.look_at_phone(index)?;
        Ok(said)
    }

    /// Where a device says it stands must be a place that the server's log has, or had until a restore, in a space that it
    /// was given.
    fn look_at_phone(&mut self, index: usize) -> Verdict {
        let phone = &self.phones[index];
        let Some(client) = phone.client.as_ref().filter(|_| !phone.disk.faults().dead) else { return Ok(()) };
        let Ok(spaces) = client.inspect(Store::spaces) else { return Ok(()) };
        if client.inspect(|store| store.value("next identity")).is_ok_and(|next| next.is_some()) {
            if !phone.has_twin {
                return broken(0, format!("device {index} takes itself for a clone"));
            }
            self.remember_sayings(index)?;
        }
        for space in spaces {
            let cursor = Cursor { seq: space.cursor.seq, chain: space.cursor.chain };
            if !self.oracle.was_here(&space.space, cursor) {
                let (seq, space) = (cursor.seq, space.space);
                return broken(4, format!("device {index} stands at {seq} of a log that {space} never had"));
            }
        }
        self.look_for_sayings(index)
    }

    /// After a whole exchange a device stands in the log that the server has now, whatever it had read before.
    pub(super) fn a_rollback_was_noticed(&self, index: usize) -> Verdict {
        let Some(client) = &self.phones[index].client else { return Ok(()) };
        for state in client.inspect(Store::spaces).unwrap_or_default() {
            let cursor = Cursor { seq: state.cursor.seq, chain: state.cursor.chain };
            if reads(state.access) && !self.oracle.is_here(&state.space, cursor) {
                let (seq, space) = (cursor.seq, state.space);
                return broken(10, format!("device {index} still stands at {seq} of a log that {space} had before"));
            }
        }
        Ok(())
    }

    /// Switches a machine off and on again.
    pub(super) fn crash(&mut self, who: Who, power: Option<&mut Dice>) -> Verdict<String> {
        match who {
            Who::Server => {
                let power_failed = power.is_some();
                self.station.crash(power);
                if power_failed {
                    self.lose_views();
                }
                self.start_server()?;
            }
            Who::Phone(index) => {
                self.phones[index].crash(power);
                self.start_phone(index)?;
            }
        }
        Ok("on again".to_owned())
    }

    /// Switches off and on what has died.
    pub(super) fn bury(&mut self, dice: &mut Dice) -> Verdict {
        let dead = |faults: Faults| faults.dead;
        if dead(self.station.disk.faults()) {
            self.trace.push("    the server died".to_owned());
            self.crash(Who::Server, Some(dice))?;
        }
        for index in 0..self.phones.len() {
            if dead(self.phones[index].disk.faults()) {
                self.trace.push(format!("    device {index} died"));
                self.crash(Who::Phone(index), Some(dice))?;
            }
        }
        Ok(())
    }

    /// Switches a device on and looks whether everything that was saved there is there.
    pub(super) fn start_phone(&mut self, index: usize) -> Verdict {
        let phone = &mut self.phones[index];
        if let Err(error) = phone.start() {
            if phone.disk.faults() != Faults::default() {
                // A full disk or a refused write in the middle of opening: tried again when it is looked at next.
                return Ok(());
            }
            return broken(2, format!("device {index} does not start: {error}"));
        }
        self.learn_name(index)?;
        for doc in self.documents_on(index)? {
            self.learn(index, doc, None)?;
        }
        self.everything_saved_is_on(index)
    }

    /// Every document on a device; none if it is off.
    pub(super) fn documents_on(&self, index: usize) -> Verdict<Vec<Doc>> {
        let Some(client) = &self.phones[index].client else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for kind in DocKind::ALL {
            let listed = client.inspect(|store| store.documents(kind, None, &Page::first(ALL)));
            let (page, _) = listed.or_else(|error| broken(2, format!("device {index} cannot list: {error}")))?;
            all.extend(page.into_iter().map(|info| Doc { id: info.id, space: info.space, kind }));
        }
        Ok(all)
    }

    /// What this device saved is on its disk, unless it left with a space.
    fn everything_saved_is_on(&self, index: usize) -> Verdict {
        let Some(client) = &self.phones[index].client else { return Ok(()) };
        let past = &self.phones[index].past;
        for hash in &past.own {
            let Some(saved) = self.oracle.saved.get(hash) else { continue };
            if past.taken.contains(&saved.space) || self.oracle.erased.contains(&saved.doc) {
                continue;
            }
            let prefix = [hash.0[0], hash.0[1], hash.0[2], hash.0[3]];
            let found = client.inspect(|store| store.changes_with_prefix(saved.space, saved.doc, prefix));
            if !found.is_ok_and(|found| found.contains(hash)) {
                return broken(2, format!("device {index} has lost change {hash} of {}", saved.doc));
            }
        }
        Ok(())
    }

    /// Takes in what a device wrote into a document; gives how many changes that were not known. `word` stands in the one
    /// that was written just now.
    pub(super) fn learn(&mut self, index: usize, doc: Doc, word: Option<&str>) -> Verdict<usize> {
        let Some(client) = &self.phones[index].client else { return Ok(0) };
        let Ok(changes) = client.inspect(|store| store.changes(doc.id)) else { return Ok(0) };
        let mut new = 0;
        for change in changes {
            if self.oracle.saved.contains_key(&change.hash) {
                continue;
            }
            let header = gandan_sync::scan(&change.raw).ok();
            let past = &mut self.phones[index].past;
            let Some(header) = header.filter(|header| past.names.contains(&header.actor)) else {
                return broken(0, format!("device {index} holds change {}, which nobody saved", change.hash));
            };
            past.own.insert(change.hash);
            let saved = Saved {
                doc: doc.id,
                space: doc.space,
                phone: index,
                deps: header.deps,
                raw: change.raw,
                word: word.map(str::to_owned),
            };
            self.oracle.saved.insert(change.hash, saved);
            new += 1;
        }
        if new > 0 && !self.oracle.erased.contains(&doc.id) && !self.oracle.docs.contains(&doc) {
            self.oracle.docs.push(doc);
        }
        Ok(new)
    }
}

/// An answer is as long as was wanted, give or take one item.
fn is_bounded(response: &SyncResponse, length: usize, budget: usize) -> Verdict {
    let items = response.parts.iter().flat_map(|part| &part.items);
    let sizes: Vec<usize> = items.filter_map(weight).filter(|size| *size > 0).collect();
    let all_but_last = sizes.iter().sum::<usize>() - sizes.last().copied().unwrap_or(0);
    if all_but_last > budget || length > budget + BEYOND_BUDGET {
        return broken(11, format!("an answer of {length} bytes, {budget} were wanted"));
    }
    Ok(())
}

/// How many bytes of news a request wants.
fn request_budget(request: &[u8]) -> usize {
    let wanted = gandan_sync::request::salvage(request).map_or(0, |request| request.head.byte_budget);
    if wanted == 0 { DEFAULT_BYTE_BUDGET as usize } else { wanted as usize }
}

/// Bytes of an item's body, if it has one.
fn weight(item: &LogItem) -> Option<usize> {
    if let LogItem::Envelope { relayed, .. } = item { Some(relayed.len()) } else { None }
}

/// The changes that make up a document on a device: not those that did not fit, or were replaced.
pub(super) fn applied(store: &Store, doc: DocId) -> Result<Vec<StoredChange>, StoreError> {
    let mut changes = store.changes(doc)?;
    changes.retain(|change| change.applied);
    Ok(changes)
}

/// Whether a grant lets its holder read.
pub(super) fn reads(access: Option<Access>) -> bool {
    matches!(access, Some(Access::Read | Access::Both))
}

fn new_lines(connection: &rusqlite::Connection, space: i64, after: i64) -> Result<Vec<(u64, Line)>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT l.seq, l.hash, l.chain, d.id, l.device_seq FROM log l JOIN device d ON d.no = l.device
         WHERE l.space = ?1 AND l.seq > ?2 ORDER BY l.seq",
    )?;
    let rows = statement.query_map([space, after], |row| {
        let line =
            Line { hash: row.get(1)?, chain: row.get(2)?, device: DeviceId(row.get(3)?), device_seq: row.get(4)? };
        Ok((row.get(0)?, line))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn new_changes(connection: &rusqlite::Connection, space: i64, after: i64) -> Result<Vec<Logged>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, document, actor, actor_seq, hash FROM change WHERE space = ?1 AND seq > ?2
         ORDER BY seq, document, actor, actor_seq",
    )?;
    let rows = statement.query_map([space, after], |row| {
        Ok(Logged {
            seq: row.get(0)?,
            doc: DocId(row.get(1)?),
            actor: DeviceId(row.get(2)?),
            actor_seq: row.get(3)?,
            hash: ChangeHash(row.get(4)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
