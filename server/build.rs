//! Lists what `npm run build` left for the staff's pages and for the field app, so that the server carries both in its own
//! binary. Without them the lists are empty, and the server says how to build them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Name of the list, and where the files are, from this package. The folder above is always there (an empty file keeps it),
/// so cargo looks again only when its content changes.
const SITES: [(&str, &str); 2] = [("STAFF", "web/dist/site"), ("FIELD", "../bindings/web/app/dist/site")];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut lists = String::new();
    for (name, folder) in SITES {
        let site = PathBuf::from(var("CARGO_MANIFEST_DIR")?).join(folder);
        println!("cargo::rerun-if-changed={}", site.parent().unwrap_or(&site).display());
        lists.push_str(&list(name, folder, &site)?);
    }
    fs::write(Path::new(&var("OUT_DIR")?).join("web_files.rs"), lists)
}

/// The files of a site, sorted by path, each with its compressed forms.
fn list(name: &str, folder: &str, site: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    if site.is_dir() {
        walk(site, "", &mut files)?;
    }
    files.sort();
    let packed = |name: &str| files.binary_search(&name.to_owned()).is_ok();
    let include = |name: &str| format!("include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{folder}/{name}\"))");
    let optional = |name: String| if packed(&name) { format!("Some({})", include(&name)) } else { "None".to_owned() };
    let mut list = format!("static {name}_FILES: &[File] = &[\n");
    let is_packed = |name: &str| Path::new(name).extension().is_some_and(|kind| kind == "br" || kind == "gz");
    for name in files.iter().filter(|name| !is_packed(name)) {
        let (br, gz) = (optional(format!("{name}.br")), optional(format!("{name}.gz")));
        let plain = include(name);
        writeln!(list, "    File {{ path: {name:?}, plain: {plain}, br: {br}, gz: {gz} }},")
            .map_err(io::Error::other)?;
    }
    list.push_str("];\n");
    Ok(list)
}

fn var(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push(name);
        }
    }
    Ok(())
}
