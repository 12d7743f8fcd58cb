//! Text of people and programs: links, tickets, times, fields, lines to import.

use super::Target;
use crate::generator::{Generator, units};
use gandan_client::transport::{Answer, JSON_TYPE, Meter, Pending, Post, Transport, TransportError, is_private_road};
use gandan_client::{Client, Environment};
use gandan_model::document::{Document, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DeviceId, DocId, SpaceId};
use gandan_model::moment::{Moment, parse_date};
use gandan_model::patch::FieldEdit;
use gandan_model::record::Record;
use gandan_model::rules::Rules;
use gandan_model::sample::read_line;
use gandan_model::text::fold;
use gandan_model::ticket::Ticket;
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;

fn lossy(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

/// Links, tickets, times, ids.
pub(super) struct Link;

impl Target for Link {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let texts = [
            "https://gandan.lamdong.vn/enrol#AbC-1",
            "http://127.0.0.1:8080/x/enrol#c",
            "http://[::1]:1/enrol#c",
            "24781-2608-K3F7-012",
            "24781-2608-0001",
            "2026-09-13T09:00:00+07:00",
            "2026-02-29",
            "00000000-0000-0000-0000-000000000001",
            "Phường Xuân Hương - Đà Lạt",
        ];
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    fn words(&self) -> Vec<Vec<u8>> {
        ["https://", "http://", "/enrol", "#", "localhost", "127.0.0.1", "@", ":", "%00", "+07:00", "́", "ợ"]
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect()
    }

    fn longest(&self) -> usize {
        2_000
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let text = lossy(input);
        let link = gandan_client::Link::parse(&text, false);
        if let Ok(link) = &link {
            if !is_private_road(&link.server) {
                return Err(format!("a road that anybody can listen to: {}", link.server));
            }
            let again = gandan_client::Link::parse(&format!("{}/enrol#{}", link.server, link.code), false);
            if again.as_ref().ok() != Some(link) {
                return Err("a link that does not read as it was written".to_owned());
            }
        }
        let ticket = text.parse::<Ticket>();
        if let Ok(ticket) = &ticket
            && ticket.to_string().parse::<Ticket>().as_ref() != Ok(ticket)
        {
            return Err(format!("a ticket that does not read as it is written: {ticket}"));
        }
        let moment = text.parse::<Moment>().is_ok();
        let ids = (text.parse::<DocId>().is_ok(), text.parse::<SpaceId>().is_ok(), text.parse::<DeviceId>().is_ok());
        let folded = fold(&text);
        if fold(&folded) != folded {
            return Err(format!("folding again changes {folded:?}"));
        }
        let link = link.map(|_| ()).map_err(|error| error.code().to_owned());
        let date = parse_date(&text).is_ok();
        Ok(format!("{link:?} {:?} {moment} {date} {ids:?}", ticket.map(|_| ()).map_err(|error| error.code())))
    }
}

/// Edits of records: a kind, then an object of fields in JSON.
pub(super) struct Edits;

impl Target for Edits {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = Vec::new();
        for line in crate::sample_lines().iter().take(12) {
            for document in read_line(line).expect("a line").documents {
                let fields: serde_json::Map<String, Value> =
                    document.edits.into_iter().map(|edit| (edit.field, edit.value)).collect();
                let kind = DocKind::ALL.iter().position(|kind| *kind == document.kind).unwrap_or(0);
                seeds.push(
                    [&[u8::try_from(kind).unwrap_or(0)][..], Value::from(fields).to_string().as_bytes()].concat(),
                );
            }
        }
        let others = [
            (2, json!({"name": "Nguyễn Thị B", "phone": "0912345678", "consent": "given", "erased": "request"})),
            (4, json!({"official": "CB-001", "units": ["24781"], "from": "2026-10-01"})),
            (6, json!({"request": "erasure", "received_on": "2026-09-20"})),
        ];
        seeds.extend(others.iter().map(|(kind, fields)| [&[*kind][..], fields.to_string().as_bytes()].concat()));
        seeds
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let words = [
            "\"event\":",
            "\"team.CB-001\":",
            "\"review.",
            "null",
            "1e999",
            "-1",
            "[]",
            "{}",
            "\"\\u0000\"",
            "\"to\":",
            "\"photos.",
            "\"unit\":",
            "\"counts.residents\":",
            "\"9999-12-31\"",
            "\"gps\":",
            "99999999999999999999",
        ];
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let Some((kind, json)) = input.split_first() else { return Ok(String::new()) };
        let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(json) else {
            return Ok("no object".to_owned());
        };
        let kind = DocKind::ALL[usize::from(*kind) % DocKind::ALL.len()];
        let stamp = Stamp { device: DeviceId([1; 8]), author: "CB-001".to_owned(), now_ms: 1_790_000_000_000 };
        let edits: Vec<FieldEdit> = fields.into_iter().map(|(field, value)| FieldEdit::new(field, value)).collect();
        let mut document = Document::new(kind);
        let label = match document.patch(&stamp, &edits) {
            Err(error) => error.code().to_owned(),
            Ok(None) => "nothing".to_owned(),
            Ok(Some(change)) => {
                gandan_sync::scan(&change.raw).map_err(|error| format!("an own change is not passed: {error}"))?;
                "changed".to_owned()
            }
        };
        // Whatever was taken can be shown.
        let record = Record::of(&document, &Rules::default(), "24781");
        Ok(format!("{kind:?} {label} {}", record.review().len()))
    }
}

/// Lines of JSON into an enrolled device.
pub(super) struct Import {
    client: Client,
    _folder: TempDir,
}

/// A server that enrols anybody for the first unit.
struct Enrolling;

impl Transport for Enrolling {
    fn post<'a>(&'a self, _: Post, _: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        let space = |number: u8, compartment: &str| json!({"space": SpaceId([number; 16]), "unit": "24781", "compartment": compartment, "access": "both"});
        let bundle = json!({
            "official": {"id": "CB-001", "name": "CB-001", "role": "field_official"},
            "spaces": [space(1, "field"), space(2, "contacts"), space(3, "sealed")],
            "units": [{"code": "24781", "name": "Phường Xuân Hương - Đà Lạt"}],
        });
        let body = bundle.to_string().into_bytes();
        Box::pin(async { Ok(Answer { status: 200, content_type: JSON_TYPE.to_owned(), body, ..Answer::default() }) })
    }
}

impl Import {
    pub(super) fn new() -> Self {
        let folder = crate::sim::work_folder();
        let environment = Environment { transport: Arc::new(Enrolling), ..Environment::native() };
        let client = Client::open(folder.path(), [7; 32], environment).expect("a device");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(client.enrol("https://memory/enrol#x", false)).expect("enrolled");
        Self { client, _folder: folder }
    }
}

impl Target for Import {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let units: Vec<_> = units().into_iter().filter(|(code, _)| code == "24781").collect();
        let mut generator = Generator::new(3);
        let mut seeds: Vec<Vec<u8>> = (0..4).map(|_| generator.line(&units).into_bytes()).collect();
        for line in crate::sample_lines() {
            let mut visit: Value = serde_json::from_str(&line).expect("a line");
            visit["unit_code"] = "24781".into();
            seeds.push(visit.to_string().into_bytes());
        }
        seeds.push([seeds[0].as_slice(), b"\n", seeds[1].as_slice(), b"\r\n\n\xef\xbb\xbf{}"].concat());
        seeds
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let words = ["\n", "null", "[]", "{}", "\"\"", "\"denunciation\"", "-1", "1e400", "\\ud800", "\\u0000", "true"];
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        match self.client.import(input, |_| {}) {
            Err(error) => Err(format!("the whole import fails: {error}")),
            Ok(report) => {
                let bad: Vec<&str> = report.bad.iter().map(|bad| bad.code.as_str()).collect();
                Ok(format!("{} saved {bad:?}", report.saved.min(3)))
            }
        }
    }
}
