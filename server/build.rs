//! Lists what `npm run build` left in `web/dist/site`, so that the server carries its pages in its own binary. Without
//! them the list is empty, and the server says how to build them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // The folder is always there (an empty file keeps it), so cargo looks again only when its content changes.
    println!("cargo::rerun-if-changed=web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    let site = PathBuf::from(var("CARGO_MANIFEST_DIR")?).join("web/dist/site");
    let mut files = Vec::new();
    if site.is_dir() {
        walk(&site, "", &mut files)?;
    }
    files.sort();
    let packed = |name: &str| files.binary_search(&name.to_owned()).is_ok();
    let include =
        |name: &str| format!("include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/web/dist/site/{name}\"))");
    let optional = |name: String| if packed(&name) { format!("Some({})", include(&name)) } else { "None".to_owned() };
    let mut list = String::from("static FILES: &[File] = &[\n");
    let is_packed = |name: &str| Path::new(name).extension().is_some_and(|kind| kind == "br" || kind == "gz");
    for name in files.iter().filter(|name| !is_packed(name)) {
        let (br, gz) = (optional(format!("{name}.br")), optional(format!("{name}.gz")));
        let plain = include(name);
        writeln!(list, "    File {{ path: {name:?}, plain: {plain}, br: {br}, gz: {gz} }},")
            .map_err(io::Error::other)?;
    }
    list.push_str("];\n");
    fs::write(Path::new(&var("OUT_DIR")?).join("web_files.rs"), list)
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
