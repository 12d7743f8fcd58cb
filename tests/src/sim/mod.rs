//! The machines of a deterministic simulator: the real client, server and SQLite on disks in memory, in one thread.

pub mod dice;
pub mod disk;
pub mod machines;
pub mod template;

#[cfg(test)]
mod tests {
    use super::template::Template;

    #[test]
    fn a_template_is_made() {
        super::disk::install();
        let base = tempfile::tempdir().unwrap();
        let template = Template::make(base.path(), 3);
        assert_eq!((template.phones.len(), template.spaces.len()), (3, 5));
        assert!(!template.server.is_empty() && template.phones.iter().all(|phone| !phone.disk.is_empty()));
    }
}
