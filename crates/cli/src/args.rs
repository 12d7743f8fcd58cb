//! The grammar of the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::Value;
use std::path::PathBuf;

/// A field device in a terminal: records visits without a network and exchanges them with the server.
#[derive(Debug, Parser)]
#[command(
    name = "gandan",
    version,
    after_help = "Exit codes: 0 done, 1 failed (standard error says what to do), 2 wrong usage.\n\
                  The database key is kept in HOME/key unless GANDAN_KEY (64 hexadecimal digits) is set."
)]
pub(crate) struct Cli {
    /// Folder of this device's data; created when needed. Default: `$GANDAN_HOME`.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Answer in JSON, one document on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Language of tables.
    #[arg(long, global = true, value_enum, default_value_t = Language::Vi)]
    pub(crate) lang: Language,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Language of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Tiếng Việt
    Vi,
    /// English
    En,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make this folder a device of an official, with the link from `gandan-server enrol`.
    Enrol {
        /// The link, `https://…/enrol#CODE`; or `-` to read it from standard input, where no other user of this
        /// machine sees it in the list of processes.
        link: String,
        /// Allow a server without encryption that is not this machine. For trials in a closed network only.
        #[arg(long)]
        insecure: bool,
        /// Trust only servers certified by the authority in this PEM file, now and later. For a server with an
        /// authority of its own. Kept in HOME/ca.pem; replace that file when the authority changes.
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
    },
    /// Record visits from lines of JSON in the visit-sample/1 form; lines seen before change nothing.
    Record {
        /// The file, or - for standard input.
        #[arg(long, value_name = "FILE|-")]
        jsonl: PathBuf,
    },
    /// List visits, newest first.
    Visits(ListArgs),
    /// List issues, newest first.
    Issues(ListArgs),
    /// Show one record in full, with what a person must look at and its history.
    Show {
        /// The record's id.
        id: String,
        /// How many steps of its history, the latest.
        #[arg(long, default_value_t = 100)]
        history: usize,
    },
    /// Change fields of a record. One command is one change.
    Edit {
        /// The record's id.
        id: String,
        /// What to write. VALUE is read as JSON if it is JSON, otherwise as text.
        #[arg(required = true, value_name = "FIELD=VALUE", value_parser = assignment)]
        fields: Vec<Assignment>,
        /// Keep it as a draft; see `drafts`.
        #[arg(long)]
        draft: bool,
    },
    /// Create a record. A field `unit` says where, unless this device has only one unit.
    New {
        /// What to create.
        kind: NewKind,
        /// What to write into it.
        #[arg(value_name = "FIELD=VALUE", value_parser = assignment)]
        fields: Vec<Assignment>,
        /// The id to use, for a record that was planned elsewhere.
        #[arg(long)]
        id: Option<String>,
        /// Keep it as a draft; see `drafts`.
        #[arg(long)]
        draft: bool,
    },
    /// Hand a visit in.
    Submit {
        /// The visit's id.
        id: String,
    },
    /// What a person must look at.
    Review(PageArgs),
    /// Decide a review item: the field gets this value.
    Resolve {
        /// The record's id.
        id: String,
        /// The field, as `review` names it.
        field: String,
        /// The value to keep, as JSON or text.
        value: String,
    },
    /// Attach a photograph, a PDF or a sound to a visit. Place and camera data are taken out of pictures.
    Attach(AttachArgs),
    /// Where the bytes of a photograph are; write them into a file, or take it away for good.
    Photo(PhotoArgs),
    /// Exchange everything with the server, then the bytes of photographs.
    Sync {
        /// Most round trips before it stops; what is left follows the next time.
        #[arg(long, default_value_t = 256)]
        rounds: u32,
        /// The network costs money: thumbnails go, originals wait.
        #[arg(long)]
        metered: bool,
    },
    /// Compress and sign what waits, so that the next `sync` only has to send.
    Seal,
    /// Who this device is, what it holds and what waits.
    Status,
    /// Drafts: list them, hand one in, or drop one.
    Drafts {
        /// Save this draft as a change of its record.
        #[arg(long, value_name = "DRAFT", conflicts_with = "discard")]
        submit: Option<String>,
        /// Drop this draft.
        #[arg(long, value_name = "DRAFT")]
        discard: Option<String>,
    },
    /// What the server did not take, and why. All of it is still on this device.
    Held {
        /// Most entries, the latest first.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Write everything the server does not have yet into a file.
    Export {
        /// The file; must not exist.
        file: PathBuf,
    },
    /// Communes, wards and special zones this device knows.
    Units {
        /// Only those whose name or code holds this; diacritics and case do not matter.
        #[arg(long)]
        query: Option<String>,
    },
}

/// A file to attach.
#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The visit's id.
    pub(crate) id: String,
    /// JPEG, PNG, WebP, PDF or sound; what it is is told by its content.
    pub(crate) file: PathBuf,
    /// What is to be seen.
    #[arg(long)]
    pub(crate) caption: Option<String>,
    /// Whether people can be seen: `none`, `crowd`, `identifiable`. The last needs `--consent given`.
    #[arg(long)]
    pub(crate) people: String,
    /// On what ground: `not_needed`, `public_activity_notice`, `given`.
    #[arg(long, default_value = "not_needed")]
    pub(crate) consent: String,
    /// Longest side of the picture that is kept, in pixels; 0: as it is.
    #[arg(long, default_value_t = 2_048)]
    pub(crate) longest_side: u32,
}

/// A photograph of a visit.
#[derive(Debug, Args)]
pub(crate) struct PhotoArgs {
    /// The visit's id.
    pub(crate) id: String,
    /// The photograph's id, as `show` names it.
    pub(crate) photo: String,
    /// Write the bytes into this file, which must not exist; fetched from the server if need be.
    #[arg(long, value_name = "FILE", conflicts_with = "remove")]
    pub(crate) to: Option<PathBuf>,
    /// The thumbnail in place of the original.
    #[arg(long, requires = "to")]
    pub(crate) thumbnail: bool,
    /// Take it away on privacy grounds, for good and everywhere.
    #[arg(long)]
    pub(crate) remove: bool,
}

/// What `new` creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKind {
    /// A field visit.
    Visit,
    /// A matter that a resident raised.
    Issue,
    /// A resident's name and address, with consent.
    Contact,
}

/// Filters of a list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Code of a commune, ward or special zone.
    #[arg(long)]
    pub(crate) unit: Option<String>,
    /// Status, as a code (`planned`, `draft`, `submitted` …).
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Words to look for; diacritics, case and tone placement do not matter.
    #[arg(long)]
    pub(crate) query: Option<String>,
    /// Programme, as a code; for visits.
    #[arg(long)]
    pub(crate) programme: Option<String>,
    /// First day, 2026-08-02.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// A page of a list.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// Most entries.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Continue after the page whose `next` this is.
    #[arg(long, value_name = "NEXT")]
    pub(crate) after: Option<String>,
}

/// `FIELD=VALUE`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) field: String,
    pub(crate) value: Value,
}

fn assignment(text: &str) -> Result<Assignment, String> {
    let (field, text) = text.split_once('=').ok_or("write FIELD=VALUE")?;
    let field = field.trim();
    if field.is_empty() {
        return Err("the field is missing before =".to_owned());
    }
    Ok(Assignment { field: field.to_owned(), value: value(field, text) })
}

/// Fields whose values are text even when they look like a number or another piece of JSON.
const TEXT: &[&str] = &[
    "unit",
    "note",
    "title",
    "description",
    "result_text",
    "place.name",
    "place_detail",
    "name",
    "phone",
    "address",
    "purpose",
    "decision",
    "number",
    "issuer",
    "project_ref",
    "caption",
    "ticket",
    "responsible_agency",
];

/// JSON if it is JSON, otherwise text.
pub(crate) fn value(field: &str, text: &str) -> Value {
    if TEXT.contains(&field) && text != "null" {
        return Value::String(text.to_owned());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_grammar_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn values_are_json_or_text() {
        let read = |text| assignment(text).map(|a| (a.field, a.value));
        assert_eq!(read("counts.residents=46"), Ok(("counts.residents".into(), json!(46))));
        assert_eq!(read("note=a=b"), Ok(("note".into(), json!("a=b"))));
        assert_eq!(read("note=46"), Ok(("note".into(), json!("46"))));
        assert_eq!(read("note=null"), Ok(("note".into(), json!(null))));
        assert_eq!(read("unit=24781"), Ok(("unit".into(), json!("24781"))));
        assert_eq!(read("gps={\"lat\":1}"), Ok(("gps".into(), json!({"lat": 1}))));
        assert_eq!(read("hot_spot=watch"), Ok(("hot_spot".into(), json!("watch"))));
        assert!(read("note").is_err());
        assert!(read("=1").is_err());
    }

    #[test]
    fn global_options_may_follow_the_command() {
        let cli = Cli::try_parse_from(["gandan", "--home", "d", "visits", "--unit", "24781", "--json"]).unwrap();
        assert!(cli.json);
        assert!(matches!(cli.command, Command::Visits(list) if list.unit.as_deref() == Some("24781")));
        assert_eq!(Cli::try_parse_from(["gandan", "edit", "x"]).unwrap_err().exit_code(), 2);
        assert_eq!(Cli::try_parse_from(["gandan", "--help"]).unwrap_err().exit_code(), 0);
    }
}
