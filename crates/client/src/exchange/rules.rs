//! The office has set other rules (limits, holidays, remote units): fetching them, and deriving every due date again.

use super::{Exchange, Message, Work, query, unexpected};
use crate::client::Client;
use crate::error::ClientError;
use gandan_model::rules::{Rules, RulesData, RulesError};
use gandan_store::Store;
use gandan_sync::query::{Ask, Reply, unpack_rules};

/// Under this name the store keeps the number of the rules that were last fetched.
const NUMBER: &str = "rules number";
/// Under this name the store keeps them, as JSON.
const CONTENT: &str = "rules";
/// Documents whose rows are derived before others get at the store.
const STRIDE: u32 = 100;

/// The rules that this device keeps, if it keeps any and can read them.
pub(crate) fn kept(store: &Store) -> Result<Option<Rules>, ClientError> {
    let Some(json) = store.value(CONTENT)? else { return Ok(None) };
    match RulesData::from_json(&json).and_then(Rules::new) {
        Ok(rules) => Ok(Some(rules)),
        Err(error) => {
            tracing::warn!(code = error.code(), "the rules kept here cannot be read; those of the app count");
            Ok(None)
        }
    }
}

fn number(store: &Store) -> Result<u32, ClientError> {
    let bytes = store.value(NUMBER)?.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    Ok(bytes.map_or(0, u32::from_be_bytes))
}

impl Exchange {
    /// The server said which rules are in force.
    pub(super) fn hear_of_rules(&mut self, client: &Client, theirs: Option<u32>) -> Result<(), ClientError> {
        if let Some(theirs) = theirs {
            self.other_rules = theirs != number(&client.store())?;
        }
        Ok(())
    }

    /// Asks for the rules, if they are others than here. Goes on with deriving dates, if that was interrupted.
    pub(super) fn ask_rules(&mut self, client: &Client) -> Result<Option<Message>, ClientError> {
        derive(client)?;
        if !std::mem::take(&mut self.other_rules) {
            return Ok(None);
        }
        query(client, &client.store(), Ask::Rules, Work::Rules).map(Some)
    }

    /// Takes the rules in. Those of a newer form, which this app cannot read, change nothing here.
    pub(super) fn take_rules(client: &Client, reply: Reply) -> Result<(), ClientError> {
        let Reply::Rules { number, packed } = reply else { return Err(unexpected()) };
        let json = if packed.is_empty() { None } else { Some(unpack_rules(&packed)?) };
        let read = |json: &Vec<u8>| RulesData::from_json(json).and_then(Rules::new);
        let rules: Result<Rules, RulesError> = json.as_ref().map_or_else(|| Ok(Rules::default()), read);
        match rules {
            Ok(rules) => {
                let mut store = client.store();
                store.set_value(CONTENT, json.as_deref())?;
                store.set_rules(rules);
                store.begin_reprojection()?;
            }
            Err(error) => tracing::warn!(code = error.code(), "the office's rules cannot be read by this app"),
        }
        client.store().set_value(NUMBER, Some(&number.to_be_bytes()))?;
        derive(client)
    }
}

/// Derives the rows of all documents again, if that was begun. Others get at the store in between.
fn derive(client: &Client) -> Result<(), ClientError> {
    if !client.store().needs_reprojection()? {
        return Ok(());
    }
    while !client.store().reproject(STRIDE)?.finished {}
    Ok(())
}
