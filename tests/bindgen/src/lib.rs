//! A stand-in for bindgen, so that nobody needs libclang to build the simulator's file system.
//!
//! The build script of `sqlite-plugin` translates SQLite's header with bindgen, which needs a C compiler's library that
//! neither a newcomer's machine nor continuous integration has. What it takes from the header is small and has not
//! changed in twenty years; it stands in `constants.rs` and `interface.rs` beside this file, in the words of the header.
//! The root manifest puts this crate in bindgen's place (`[patch.crates-io]`); nothing else in the tree uses bindgen.

use std::io::Result;
use std::path::Path;

/// What the build script sets; only the difference between its two calls counts.
#[derive(Debug, Default)]
pub struct Builder {
    constants: bool,
}

/// How macros become constants; always signed here.
#[derive(Debug, Clone, Copy)]
pub enum MacroTypeVariation {
    /// `i32`.
    Signed,
}

impl Builder {
    /// The header is known beforehand.
    pub fn header(self, _: &str) -> Self {
        self
    }

    /// Only the call that wants the constants names what it wants.
    pub fn allowlist_item(self, _: &str) -> Self {
        Self { constants: true }
    }

    /// Everything but the constants.
    pub fn blocklist_item(self, _: &str) -> Self {
        self
    }

    /// Both files do.
    pub fn use_core(self) -> Self {
        self
    }

    /// As the constants are.
    pub fn default_macro_constant_type(self, _: MacroTypeVariation) -> Self {
        self
    }

    /// Cannot fail.
    pub fn generate(self) -> Result<Bindings> {
        let text = if self.constants { include_str!("constants.rs") } else { include_str!("interface.rs") };
        Ok(Bindings(text))
    }
}

/// One of the two files.
#[derive(Debug)]
pub struct Bindings(&'static str);

impl Bindings {
    /// Writes it where the build script wants it.
    pub fn write_to_file(&self, path: impl AsRef<Path>) -> Result<()> {
        std::fs::write(path, self.0)
    }
}
