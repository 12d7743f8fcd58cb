//! How the pages feel in Chromium, beside the calls that they make: `server/web/scripts/measure.mjs` measures.

use crate::figures::{Bound, Figures};
use gandan_tests::processes::Server;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Measures, if the packages of the web app are installed (`cargo xtask test` and `demo` install them).
pub(super) fn measure(server: &Server, token: &str, figures: &mut Figures) {
    figures
        .group("the pages in Chromium, from loopback, with a processor four times slower where nothing else is said");
    let web: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/web");
    if !web.join("node_modules/playwright-core").is_dir() {
        eprintln!("  NOT MEASURED: run npm ci in server/web first");
        return;
    }
    let address = format!("http://{}", server.address());
    let mut script = Command::new("node");
    script.current_dir(&web).args(["scripts/measure.mjs", &address, token]).stderr(Stdio::inherit());
    let said = match script.output() {
        Ok(said) => said,
        Err(error) => {
            eprintln!("  NOT MEASURED: node: {error}");
            return;
        }
    };
    for line in String::from_utf8_lossy(&said.stdout).lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let bound = line["most"].as_f64().map_or(Bound::None, Bound::AtMost);
        figures.add(text("name"), line["value"].as_f64().unwrap_or(f64::NAN), "ms", bound, text("beside"));
    }
    if !said.status.success() {
        eprintln!("  NOT MEASURED to the end: the script failed ({})", said.status);
    }
}
