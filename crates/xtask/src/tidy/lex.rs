//! Just enough of Rust's grammar to measure functions and follow modules: comments and the contents
//! of literals are blanked, so that braces and words which remain are code.

/// The source with comments and the contents of string and character literals replaced by spaces.
/// Every byte keeps its place, so that offsets and line numbers hold in both texts.
pub(crate) fn code_only(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => line_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment_end(bytes, at),
            b'"' => string_end(bytes, at + 1),
            b'r' | b'b' | b'c' if !in_word(bytes, at) => prefixed_string_end(bytes, at),
            b'\'' => char_end(bytes, at),
            _ => at,
        };
        if end == at {
            at += 1;
            continue;
        }
        for byte in &mut out[at..end.min(bytes.len())] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    // Whole literals and comments were replaced by ASCII, so the rest is still UTF-8.
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether the byte before this one belongs to the same word.
fn in_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_word(bytes[at - 1])
}

/// A byte of an identifier. Bytes above ASCII count too.
pub(crate) fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 0x80
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |n| at + n)
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// The end of a string whose opening quotation mark is before `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`, `b'…'`; `start` itself if it is a plain word.
fn prefixed_string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut raw = false;
    while at < bytes.len() && at < start + 2 && matches!(bytes[at], b'r' | b'b' | b'c') {
        raw |= bytes[at] == b'r';
        at += 1;
    }
    let hashes = bytes[at..].iter().take_while(|byte| **byte == b'#').count();
    match bytes.get(at + hashes) {
        Some(b'"') if raw => {
            let closing = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
            let from = at + hashes + 1;
            find(&bytes[from..], &closing).map_or(bytes.len(), |n| from + n + closing.len())
        }
        Some(b'"') if hashes == 0 => string_end(bytes, at + 1),
        Some(b'\'') if hashes == 0 && !raw => char_end(bytes, at),
        _ => start,
    }
}

/// The end of a character literal; `start` itself if it is a lifetime or a label.
fn char_end(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start + 1..];
    match rest.first() {
        Some(b'\\') => find(&rest[2.min(rest.len())..], b"'").map_or(start, |n| start + n + 4),
        Some(first) => {
            let length = match first {
                0..0x80 => 1,
                0x80..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            match rest.get(length) {
                Some(b'\'') => start + length + 2,
                _ => start,
            }
        }
        None => start,
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The 1-based line of an offset.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text[..offset.min(text.len())].matches('\n').count()
}

/// Offsets at which `word` stands by itself in blanked code.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let after = bytes.get(at + word.len()).copied().unwrap_or(b' ');
        !in_word(bytes, *at) && !is_word(after)
    })
}

/// The identifier that starts at or after `at`, behind white space only.
pub(crate) fn identifier(code: &str, at: usize) -> Option<(&str, usize)> {
    let rest = &code[at..];
    let start = at + (rest.len() - rest.trim_start().len());
    let length = code.as_bytes()[start..].iter().take_while(|byte| is_word(**byte)).count();
    (length > 0).then(|| (&code[start..start + length], start + length))
}

/// The offset of the brace that closes the one at `open`.
pub(crate) fn closing_brace(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_in_place() {
        for (source, code) in [
            ("a // {\nb", "a b"),
            ("a /* { /* } */ { */ b", "a b"),
            (r#"f("{ \" {") }"#, "f( ) }"),
            (r##"f(r#"{ " {"#) }"##, "f( ) }"),
            ("f(b\"{\", b'{', '{', '\\'', '\\u{7b}') }", "f( , , , , ) }"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("'đ' }", "}"),
            ("bar\"{\" }", "bar }"),
        ] {
            let got = code_only(source);
            assert_eq!(got.len(), source.len(), "{source}");
            assert_eq!(got.matches('\n').count(), source.matches('\n').count());
            let words: Vec<_> = got.split_whitespace().collect();
            assert_eq!(words.join(" "), code, "{source}");
        }
    }

    #[test]
    fn words_stand_alone() {
        let code = "fn fnord() { fn(); a_fn }";
        assert_eq!(words(code, "fn").collect::<Vec<_>>(), [0, 13]);
        assert_eq!(identifier(code, 2), Some(("fnord", 8)));
        assert_eq!(identifier(code, 15), None);
    }

    #[test]
    fn braces_are_matched() {
        assert_eq!(closing_brace("{ { } } }", 0), Some(6));
        assert_eq!(closing_brace("{ {", 0), None);
    }
}
