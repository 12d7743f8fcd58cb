//! What became of work that the server had set aside for a person to decide on.
//!
//! Only a device that has such work asks, once in an exchange. What was discarded stays here, is shown with the reason
//! and is exported; what was admitted counts as sent.

use super::{Exchange, Message, Work, query, unexpected};
use crate::client::Client;
use crate::error::ClientError;
use crate::report::Decided;
use gandan_store::{Ack, Decision, HeldBack};
use gandan_sync::query::{Ask, MAX_DECISIONS, Reply, Verdict};

impl Exchange {
    /// The question, if there is one.
    pub(super) fn ask_decisions(&mut self, client: &Client) -> Result<Option<Message>, ClientError> {
        if std::mem::replace(&mut self.asked_decisions, true) {
            return Ok(None);
        }
        let store = client.store();
        let device_seqs = store.undecided(MAX_DECISIONS)?;
        if device_seqs.is_empty() {
            return Ok(None);
        }
        query(client, &store, Ask::Decisions { device_seqs }, Work::Decisions).map(Some)
    }

    /// Takes in what was decided.
    pub(super) fn take_decisions(&mut self, client: &Client, reply: Reply) -> Result<(), ClientError> {
        let Reply::Decided { decisions, unknown } = reply else { return Err(unexpected()) };
        let mut store = client.store();
        let mut changed = Vec::new();
        let mut decided = Vec::new();
        for decision in decisions {
            let (ack, outcome) = match decision.verdict {
                Verdict::Admitted { seq } => (Ack::Durable { seq }, "admitted"),
                Verdict::Discarded => (Ack::Discarded, "discarded"),
                Verdict::Erased => (Ack::Gone, "erased"),
            };
            let device_seq = decision.device_seq;
            let changes = store.envelope(device_seq)?.map(|(_, changes)| changes).unwrap_or_default();
            let mut records: Vec<_> = changes.iter().map(|change| change.doc).collect();
            records.sort_unstable();
            records.dedup();
            changed.extend_from_slice(&records);
            self.report.decided.push(Decided { device_seq, outcome, reason: decision.reason.clone(), records });
            decided.push(Decision { device_seq, ack, at_ms: decision.at_ms, reason: decision.reason });
        }
        store.decide(&decided)?;
        // A restored server does not have what it had set aside, and takes nothing that comes after it.
        if store.send_again(&unknown)? > 0 {
            self.later = None;
            self.again = true;
        }
        drop(store);
        client.inner.board.changed(&changed);
        Ok(())
    }
}

impl Client {
    /// What the server did not take into its log, the latest first, at most so many: what waits for a person's decision,
    /// what was refused, and what was discarded with the reason. All of it is kept here.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn held_back(&self, limit: u32) -> Result<Vec<HeldBack>, ClientError> {
        Ok(self.store().held_back(limit)?)
    }
}
