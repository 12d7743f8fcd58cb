//! One function a command.

use crate::args::{self, Assignment, Cli, Command, Language, ListArgs, NewKind, PageArgs};
use crate::{Failure, Said, exchange, home, photos, show};
use gandan_client::model::genesis::DocKind;
use gandan_client::model::ids::DocId;
use gandan_client::model::patch::FieldEdit;
use gandan_client::model::text::fold;
use gandan_client::{Client, Environment, ImportReport, IssueFilter, Page, Saved, VisitFilter};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::time::{Duration, Instant};

type Outcome = Result<Said, Failure>;

/// Longer than this, and a command tells how far it has come.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Outcome {
    let folder = home::folder(cli.home).ok_or_else(|| Failure::usage("say where the device's data is: --home DIR"))?;
    let key = home::key(&folder).map_err(|message| Failure::plain("key", message))?;
    let ca = match &cli.command {
        Command::Enrol { ca, .. } => ca.as_deref().map(home::read_ca).transpose(),
        _ => home::ca(&folder),
    };
    let ca = ca.map_err(|message| Failure::plain("ca", message))?;
    let environment = match &ca {
        Some(pem) => Environment::native_trusting(pem).map_err(|error| Failure::plain("ca", error.to_string()))?,
        None => Environment::native(),
    };
    let client = Client::open(&folder, key, environment)?;
    let lang = cli.lang;
    let outcome = match cli.command {
        Command::Enrol { link, insecure, .. } => {
            if client.device()?.is_none() {
                home::keep_ca(&folder, ca.as_deref()).map_err(|message| Failure::plain("ca", message))?;
            }
            exchange::enrol(&client, &read_link(link)?, insecure)
        }
        Command::Record { jsonl } => record(&client, &jsonl),
        Command::Visits(list) => visits(&client, &list, lang),
        Command::Issues(list) => issues(&client, &list, lang),
        Command::Show { id, history } => show_record(&client, &id, history, lang),
        Command::Edit { id, fields, draft } => edit(&client, &id, fields, draft),
        Command::New { kind, fields, id, draft } => new(&client, kind, fields, id.as_deref(), draft),
        Command::Submit { id } => Ok(saved(&client.submit(parse_id(&id)?)?)),
        Command::Review(page) => review(&client, &page),
        Command::Resolve { id, field, value } => {
            let value = args::value(&field, &value);
            Ok(saved(&client.resolve(parse_id(&id)?, &field, value)?))
        }
        Command::Attach(args) => photos::attach(&client, args),
        Command::Photo(args) => photos::photo(&client, &args),
        Command::Sync { rounds, metered } => exchange::sync(&client, rounds, metered),
        Command::Seal => seal(&client),
        Command::Status => standing(&client, lang),
        Command::Drafts { submit, discard } => drafts(&client, submit.as_deref(), discard.as_deref()),
        Command::Held { limit } => held(&client, limit, lang),
        Command::Export { file } => export(&client, &file),
        Command::Units { query } => units(&client, query.as_deref()),
    };
    // Moves everything into the main file now and tells of an error, instead of silently at the end.
    match (outcome, client.close()) {
        (Ok(said), Ok(_)) => Ok(said),
        (Ok(_), Err(error)) => Err(error.into()),
        (Err(failure), _) => Err(failure),
    }
}

/// A value for programs.
pub(crate) fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// Longest line that is read for a link.
const MAX_LINK: u64 = 2_000;

/// The link that was given, or the first line of standard input.
fn read_link(link: String) -> Result<String, Failure> {
    if link != "-" {
        return Ok(link);
    }
    let mut line = String::new();
    let read = BufReader::new(std::io::stdin().lock().take(MAX_LINK)).read_line(&mut line);
    read.map_err(|error| Failure::plain("file", format!("standard input cannot be read: {error}")))?;
    Ok(line)
}

pub(crate) fn parse_id(text: &str) -> Result<DocId, Failure> {
    text.parse().map_err(|_| Failure::usage(format!("{text:?} is not a record's id (a UUID)")))
}

fn edits(fields: Vec<Assignment>) -> Vec<FieldEdit> {
    fields.into_iter().map(|Assignment { field, value }| FieldEdit { field, value }).collect()
}

fn record(client: &Client, jsonl: &Path) -> Outcome {
    let source: Box<dyn Read> = if jsonl == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(jsonl);
        Box::new(file.map_err(|error| Failure::plain("file", format!("{}: {error}", jsonl.display())))?)
    };
    let (start, mut last) = (Instant::now(), Instant::now());
    let told = |report: &ImportReport| {
        if start.elapsed() > PATIENCE && last.elapsed() > PATIENCE {
            last = Instant::now();
            eprintln!("{} lines …", report.lines);
        }
    };
    let report = client.import(BufReader::with_capacity(64 << 10, source), told)?;
    let mut text = format!(
        "{} of {} lines kept ({} changed nothing), {} documents written\n",
        report.saved, report.lines, report.unchanged, report.documents
    );
    for bad in &report.bad {
        let _ = writeln!(text, "  line {}: {} [{}]", bad.line, crate::table::plain(&bad.message), bad.code);
    }
    for warning in &report.warnings {
        let Warned { line, text: piece, advice } = Warned::of(warning);
        let _ = writeln!(text, "  line {line}: {piece:?}: {advice}");
    }
    Ok(Said { json: to_json(&report), text })
}

struct Warned<'a> {
    line: u64,
    text: &'a str,
    advice: &'static str,
}

impl<'a> Warned<'a> {
    fn of(warning: &'a gandan_client::LineWarning) -> Self {
        Self { line: warning.line, text: &warning.warning.text, advice: warning.warning.vi }
    }
}

fn page(page: &PageArgs) -> Result<Page, Failure> {
    let after = page.after.as_deref().map(str::parse).transpose();
    let after = after.map_err(|_| Failure::usage("--after takes the `next` of the page before"))?;
    Ok(Page { limit: page.limit, after })
}

fn date<T: std::str::FromStr>(option: &str, text: Option<&str>) -> Result<Option<T>, Failure> {
    text.map(str::parse).transpose().map_err(|_| Failure::usage(format!("{option} takes a date such as 2026-08-02")))
}

fn visits(client: &Client, list: &ListArgs, lang: Language) -> Outcome {
    let filter = VisitFilter {
        unit: list.unit.clone(),
        status: list.status.clone(),
        programme: list.programme.clone(),
        from: date("--from", list.from.as_deref())?,
        to: date("--to", list.to.as_deref())?,
        query: list.query.clone(),
        ..VisitFilter::default()
    };
    let page = client.visits(&filter, &page(&list.page)?)?;
    Ok(Said { text: show::visits(&page, lang), json: to_json(&page) })
}

fn issues(client: &Client, list: &ListArgs, lang: Language) -> Outcome {
    if list.programme.is_some() {
        return Err(Failure::usage("issues have no programme"));
    }
    let filter = IssueFilter {
        unit: list.unit.clone(),
        status: list.status.clone(),
        from: date("--from", list.from.as_deref())?,
        to: date("--to", list.to.as_deref())?,
        query: list.query.clone(),
        ..IssueFilter::default()
    };
    let page = client.issues(&filter, &page(&list.page)?)?;
    Ok(Said { text: show::issues(&page, lang), json: to_json(&page) })
}

fn show_record(client: &Client, id: &str, history: usize, lang: Language) -> Outcome {
    let view = client.show(parse_id(id)?, history)?;
    let json = to_json(&view);
    Ok(Said { text: show::record(&json, lang), json })
}

/// The form that every save answers in.
fn saved(saved: &Saved) -> Said {
    let mut text = format!("{} {}\n", saved.id, if saved.changed { "saved" } else { "unchanged" });
    for warning in &saved.warnings {
        let _ = writeln!(text, "  {}: {:?}: {} / {}", warning.field, warning.text, warning.vi, warning.en);
    }
    Said { json: to_json(saved), text }
}

fn drafted(id: DocId) -> Said {
    Said { json: json!({"id": id, "draft": true}), text: format!("{id} draft\n") }
}

fn edit(client: &Client, id: &str, fields: Vec<Assignment>, draft: bool) -> Outcome {
    let id = parse_id(id)?;
    if draft {
        // The kind only counts for a record that is not here yet; the draft of one that is knows its kind.
        return Ok(drafted(client.save_draft(DocKind::Visit, Some(id), &edits(fields))?));
    }
    Ok(saved(&client.patch(id, &edits(fields))?))
}

fn new(client: &Client, kind: NewKind, fields: Vec<Assignment>, id: Option<&str>, draft: bool) -> Outcome {
    let kind = match kind {
        NewKind::Visit => DocKind::Visit,
        NewKind::Issue => DocKind::Issue,
        NewKind::Contact => DocKind::Contact,
    };
    let id = id.map(parse_id).transpose()?;
    if draft {
        return Ok(drafted(client.save_draft(kind, id, &edits(fields))?));
    }
    Ok(saved(&client.create(kind, id, &edits(fields))?))
}

fn review(client: &Client, args: &PageArgs) -> Outcome {
    let (lines, next) = client.review(&page(args)?)?;
    Ok(Said { text: show::review(&lines), json: json!({"items": lines, "next": next}) })
}

fn seal(client: &Client) -> Outcome {
    let report = client.seal_outbox()?;
    let text = format!(
        "{} changes in {} envelopes, {} of {} bytes\n",
        report.changes, report.envelopes, report.body_bytes, report.raw_bytes
    );
    Ok(Said { json: to_json(&report), text })
}

fn standing(client: &Client, lang: Language) -> Outcome {
    let standing = client.standing()?;
    Ok(Said { text: show::standing(&standing, lang), json: to_json(&standing) })
}

fn drafts(client: &Client, submit: Option<&str>, discard: Option<&str>) -> Outcome {
    if let Some(id) = submit {
        return Ok(saved(&client.submit_draft(parse_id(id)?)?));
    }
    if let Some(id) = discard {
        let gone = client.discard_draft(parse_id(id)?)?;
        let text = if gone { "dropped\n" } else { "there was none\n" };
        return Ok(Said { json: json!({"discarded": gone}), text: text.to_owned() });
    }
    let (mut all, mut page) = (Vec::new(), Page::first(100));
    loop {
        let (drafts, next) = client.drafts(&page)?;
        all.extend(drafts);
        match next {
            Some(next) => page = Page::after(next, 100),
            None => break,
        }
    }
    Ok(Said { text: show::drafts(&all), json: json!({ "items": all }) })
}

fn held(client: &Client, limit: u32, lang: Language) -> Outcome {
    let held = client.held_back(limit)?;
    Ok(Said { text: show::held(&held, lang), json: json!({ "items": held }) })
}

fn export(client: &Client, path: &Path) -> Outcome {
    let exported = client.export_unsent(path)?;
    if std::io::stderr().is_terminal() {
        eprintln!("{} is not encrypted: keep it safe and delete it afterwards", path.display());
    }
    let json = json!({"changes": exported.changes, "envelopes": exported.envelopes, "drafts": exported.drafts});
    let text = format!("{} changes, {} envelopes, {} drafts\n", exported.changes, exported.envelopes, exported.drafts);
    Ok(Said { json, text })
}

fn units(client: &Client, query: Option<&str>) -> Outcome {
    let wanted = query.map(fold);
    let is_wanted = |unit: &Value| {
        let field = |name: &str| unit.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        wanted.as_ref().is_none_or(|wanted| fold(&field("name")).contains(wanted) || field("code").contains(wanted))
    };
    let units: Vec<Value> = client.units()?.into_iter().filter(is_wanted).collect();
    Ok(Said { text: show::units(&units), json: json!({ "items": units }) })
}
