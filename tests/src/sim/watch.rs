//! What is looked at while a scenario runs: everything that passes between the machines, and what each holds afterwards.

use super::dice::Dice;
use super::machines::Talk;
use super::oracle::{Line, Saved, Verdict, broken};
use super::step::Who;
use super::world::{Request, World};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_server::db::DbError;
use gandan_store::{Access, Page, Store};
use gandan_sync::limits::DEFAULT_BYTE_BUDGET;
use gandan_sync::request::UnverifiedRequest;
use gandan_sync::response::{GrantChange, LogItem, SyncResponse};
use gandan_sync::{Cursor, Status};

/// What an answer may be longer than its budget: one item, grants, heads.
const BEYOND_BUDGET: usize = 300 << 10;
/// Everything of one kind on a device fits into a page of this size.
const ALL: u32 = 500;

impl World {
    /// Switches the server on and looks whether everything it ever vouched for is there.
    pub(super) fn start_server(&mut self) -> Verdict {
        if let Err(error) = self.station.start() {
            if self.station.disk.faults().dead {
                return Ok(());
            }
            return broken(2, format!("the server does not start: {error}"));
        }
        for index in 0..self.oracle.spaces.len() {
            let (id, no) = (self.oracle.spaces[index].id, self.oracle.spaces[index].no);
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
        self.restate_rights()?;
        self.read_logs()
    }

    /// A grant that was being written when the server died is there or not; either is right.
    fn restate_rights(&mut self) -> Verdict {
        for index in 0..self.phones.len() {
            let device = self.phones[index].id;
            let units = self.read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT DISTINCT s.unit FROM space_grant g JOIN space s ON s.no = g.space JOIN device d ON d.no = g.device
                     WHERE d.id = ?1 AND g.access = 3",
                )?;
                let units = statement.query_map([device.0], |row| row.get::<_, String>(0))?;
                Ok(units.collect::<Result<_, _>>()?)
            })?;
            let revoked = self.oracle.rights[index].revoked;
            self.oracle.set_rights(index, units, revoked);
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
        for index in 0..self.oracle.spaces.len() {
            let (id, no) = (self.oracle.spaces[index].id, self.oracle.spaces[index].no);
            let known = self.oracle.logs.get(&id).map_or(0, |log| log.lines.len());
            let known = i64::try_from(known).unwrap_or(i64::MAX);
            let lines = self.read(|connection| new_lines(connection, no, known))?;
            if lines.is_empty() {
                continue;
            }
            for (seq, line) in lines {
                self.oracle.line(id, seq, line)?;
            }
            for (seq, doc, place) in self.read(|connection| new_changes(connection, no, known))? {
                self.oracle.change(id, seq, doc, place)?;
            }
        }
        Ok(())
    }

    /// Lets the server answer; none if it is off or died over it.
    pub(super) fn serve(&mut self, index: usize, query: bool, request: &[u8]) -> Verdict<Option<Vec<u8>>> {
        let answer = self.station.answer(query, request);
        self.read_logs()?;
        let Some(answer) = answer else { return Ok(None) };
        if let Ok(response) = SyncResponse::decode(&answer) {
            self.look_at_answer(index, &response)?;
            let budget = request_budget(request);
            let sizes: Vec<usize> = response
                .parts
                .iter()
                .flat_map(|part| &part.items)
                .filter_map(weight)
                .filter(|size| *size > 0)
                .collect();
            let all_but_last = sizes.iter().sum::<usize>() - sizes.last().copied().unwrap_or(0);
            if all_but_last > budget || answer.len() > budget + BEYOND_BUDGET {
                return broken(11, format!("an answer of {} bytes, {budget} were wanted", answer.len()));
            }
        }
        Ok(Some(answer))
    }

    /// An answer that leaves the server: true, bounded, and only for those who may see it.
    fn look_at_answer(&mut self, index: usize, response: &SyncResponse) -> Verdict {
        let device = self.phones[index].id;
        for (device_seq, status) in &response.statuses {
            if let Status::Durable { seq } = status {
                self.oracle.durable(device, *device_seq, *seq)?;
            }
        }
        for part in &response.parts {
            if !self.oracle.may_read(index, &part.space) {
                return broken(5, format!("device {index} is served space {}", part.space));
            }
            self.oracle.confirm(part.space, part.cursor)?;
        }
        for grant in &response.grants {
            if let GrantChange::Given { space, .. } = grant
                && !self.oracle.may_read(index, space)
            {
                return broken(5, format!("device {index} is given space {space}"));
            }
        }
        Ok(())
    }

    /// A request that leaves a device: no number is ever used for two envelopes.
    pub(super) fn note_sent(&mut self, bytes: &[u8]) -> Verdict {
        let Ok(request) = UnverifiedRequest::decode(bytes) else { return broken(0, "a request that cannot be read") };
        let device = request.device();
        let Ok(request) = gandan_sync::request::salvage(bytes) else { return Ok(()) };
        for push in request.envelopes {
            let before = self.oracle.sent.insert((device, push.device_seq), push.signature.0);
            if before.is_some_and(|before| before != push.signature.0) {
                return broken(8, format!("{device} has signed two envelopes {}", push.device_seq));
            }
        }
        Ok(())
    }

    /// Gives an answer to the device that waits for it; says what came of it: `taken`, or a code.
    pub(super) fn at_phone(&mut self, index: usize, request: Request, answer: &[u8]) -> Verdict<String> {
        let phone = &mut self.phones[index];
        let Some(client) = phone.client.clone() else { return Ok("off".to_owned()) };
        let waits = phone.talk.open.take_if(|(number, _)| *number == request.number);
        let Some((_, errand)) = waits else { return Ok("nobody waits for it".to_owned()) };
        let result = phone.talk.exchange.take(&client, errand, answer);
        drop(client);
        let report = &phone.talk.exchange.report;
        let taken: Vec<SpaceId> = report.grants.iter().filter(|grant| !grant.given).map(|grant| grant.space).collect();
        self.oracle.rights[index].taken.extend(taken);
        let said = match result {
            Ok(()) => "taken".to_owned(),
            Err(error) => {
                self.phones[index].talk = Talk::default();
                error.code().to_owned()
            }
        };
        self.look_at_phone(index)?;
        Ok(said)
    }

    /// Where a device says it stands must be a place that the server's log has, in a space it was given.
    fn look_at_phone(&mut self, index: usize) -> Verdict {
        let phone = &self.phones[index];
        let Some(client) = phone.client.as_ref().filter(|_| !phone.disk.faults().dead) else { return Ok(()) };
        let Ok(spaces) = client.inspect(Store::spaces) else { return Ok(()) };
        if client.inspect(|store| store.value("next identity")).is_ok_and(|next| next.is_some()) {
            return broken(0, format!("device {index} takes itself for a clone"));
        }
        for space in spaces {
            let cursor = Cursor { seq: space.cursor.seq, chain: space.cursor.chain };
            let there = self.oracle.logs.get(&space.space).and_then(|log| log.cursor(cursor.seq));
            if there != Some(cursor) {
                return broken(
                    4,
                    format!("device {index} stands at {} of a log that {} never had", cursor.seq, space.space),
                );
            }
        }
        Ok(())
    }

    /// Switches a machine off and on again.
    pub(super) fn crash(&mut self, who: Who, power: Option<&mut Dice>) -> Verdict<String> {
        match who {
            Who::Server => {
                self.station.crash(power);
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
        let dead = |faults: super::disk::Faults| faults.dead;
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
            if phone.disk.faults() != super::disk::Faults::default() {
                // A full disk or a refused write in the middle of opening: tried again when it is looked at next.
                return Ok(());
            }
            return broken(2, format!("device {index} does not start: {error}"));
        }
        for doc in self.documents_on(index)? {
            self.learn(index, doc)?;
        }
        self.everything_saved_is_on(index)
    }

    pub(super) fn documents_on(&self, index: usize) -> Verdict<Vec<DocId>> {
        let Some(client) = &self.phones[index].client else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for kind in DocKind::ALL {
            let listed = client.inspect(|store| store.documents(kind, None, &Page::first(ALL)));
            let (page, _) = listed.or_else(|error| broken(2, format!("device {index} cannot list: {error}")))?;
            all.extend(page.into_iter().map(|info| info.id));
        }
        Ok(all)
    }

    /// What this device saved is on its disk, unless it left with a space.
    fn everything_saved_is_on(&self, index: usize) -> Verdict {
        let Some(client) = &self.phones[index].client else { return Ok(()) };
        let taken = &self.oracle.rights[index].taken;
        let own = self.oracle.saved.iter().filter(|(_, saved)| {
            saved.phone == index && !taken.contains(&saved.space) && !self.oracle.erased.contains(&saved.doc)
        });
        for (hash, saved) in own {
            let prefix = [hash.0[0], hash.0[1], hash.0[2], hash.0[3]];
            let found = client.inspect(|store| store.changes_with_prefix(saved.space, saved.doc, prefix));
            if !found.is_ok_and(|found| found.contains(hash)) {
                return broken(2, format!("device {index} has lost change {hash} of {}", saved.doc));
            }
        }
        Ok(())
    }

    /// Takes in what a device wrote into a document; gives how many changes that were not known.
    pub(super) fn learn(&mut self, index: usize, doc: DocId) -> Verdict<usize> {
        let Some(client) = &self.phones[index].client else { return Ok(0) };
        let found = client.inspect(|store| Ok((store.changes(doc)?, store.document(doc)?.map(|stored| stored.space))));
        let Ok((changes, Some(space))) = found.map_err(|_: gandan_store::StoreError| ()) else { return Ok(0) };
        let mut new = 0;
        for change in changes {
            if self.oracle.saved.contains_key(&change.hash) {
                continue;
            }
            let writer = gandan_sync::scan(&change.raw).ok().and_then(|header| self.oracle.phone_of(header.actor));
            if writer != Some(index) {
                return broken(0, format!("device {index} holds change {}, which nobody saved", change.hash));
            }
            self.oracle.saved.insert(change.hash, Saved { doc, space, phone: index, raw: change.raw });
            new += 1;
        }
        if new > 0 && !self.oracle.erased.contains(&doc) && !self.oracle.docs.iter().any(|(known, _)| *known == doc) {
            self.oracle.docs.push((doc, space));
        }
        Ok(new)
    }
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

type NewChange = (u64, DocId, (DeviceId, u64, ChangeHash));

fn new_changes(connection: &rusqlite::Connection, space: i64, after: i64) -> Result<Vec<NewChange>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, document, actor, actor_seq, hash FROM change WHERE space = ?1 AND seq > ?2
         ORDER BY seq, document, actor, actor_seq",
    )?;
    let rows = statement.query_map([space, after], |row| {
        let place = (DeviceId(row.get(2)?), row.get(3)?, ChangeHash(row.get(4)?));
        Ok((row.get(0)?, DocId(row.get(1)?), place))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
