//! Which build this library is, so that generated code and library can tell whether they belong together.

/// Version and fingerprint of the sources, behind a mark by which the generator finds it in the file.
const MARKED: &str = concat!("gandan-build:", env!("CARGO_PKG_VERSION"), "+", env!("GANDAN_BUILD"), ";");

/// The build of this library: version, `+`, and a fingerprint of the sources that it was made of. The code that was
/// generated for it knows the same text; opening a client fails if the two differ, because one of them was taken from
/// another build.
#[uniffi::export]
pub fn build_id() -> String {
    MARKED.trim_start_matches("gandan-build:").trim_end_matches(';').to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_build_is_told_without_its_mark() {
        let id = super::build_id();
        let (version, fingerprint) = id.split_once('+').unwrap();
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        assert!(fingerprint.len() == 16 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
}
