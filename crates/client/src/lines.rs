//! Reading lines of bounded length from anything that can be read.

use crate::error::ClientError;
use std::io::{self, BufRead};

/// Lines with their numbers. A line that is too long or not text is reported and skipped, without ever being in memory
/// as a whole; blank lines are skipped silently.
pub(crate) struct Lines<R> {
    reader: R,
    number: u64,
    limit: usize,
}

/// What is wrong with a line before anybody looks at what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadText {
    /// Longer than the limit.
    TooLong,
    /// Not UTF-8.
    NotUtf8,
}

impl BadText {
    /// What a person is told, who may use lines of at most `limit` bytes.
    pub(crate) fn error(self, limit: usize) -> ClientError {
        match self {
            Self::TooLong => ClientError::input("line_too_long", format!("longer than {limit} bytes")),
            Self::NotUtf8 => ClientError::input("bad_utf8", "not text in UTF-8"),
        }
    }
}

/// What the source holds next.
enum Piece {
    Line(Vec<u8>),
    TooLong,
    End,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `limit` bytes.
    pub(crate) fn new(reader: R, limit: usize) -> Self {
        Self { reader, number: 0, limit }
    }

    /// The next line that is not blank, with its number from 1.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Result<String, BadText>)>> {
        loop {
            let mut bytes = match self.read()? {
                Piece::End => return Ok(None),
                Piece::TooLong => {
                    self.number += 1;
                    return Ok(Some((self.number, Err(BadText::TooLong))));
                }
                Piece::Line(bytes) => bytes,
            };
            self.number += 1;
            if self.number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
            }
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let text = String::from_utf8(bytes).map_err(|_| BadText::NotUtf8);
            return Ok(Some((self.number, text)));
        }
    }

    fn read(&mut self) -> io::Result<Piece> {
        let mut bytes = Vec::new();
        let (mut any, mut too_long) = (false, false);
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            too_long |= bytes.len() + piece.len() > self.limit;
            if !too_long {
                bytes.extend_from_slice(piece);
            }
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        Ok(if !any {
            Piece::End
        } else if too_long {
            Piece::TooLong
        } else {
            Piece::Line(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn read(text: &[u8], limit: usize) -> Vec<(u64, Result<String, BadText>)> {
        // A buffer of three bytes: every line comes in pieces.
        let mut lines = Lines::new(BufReader::with_capacity(3, text), limit);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn lines_have_the_numbers_that_an_editor_shows() {
        let text = "\u{feff}mot\n\n  \r\nhai\r\nba".as_bytes();
        let wanted = [(1, Ok("mot".into())), (4, Ok("hai\r".into())), (5, Ok("ba".into()))];
        assert_eq!(read(text, 10), wanted);
        assert_eq!(read(b"", 10), []);
        assert_eq!(read(b"\n\n", 10), []);
    }

    #[test]
    fn a_line_that_is_too_long_or_no_text_spoils_no_other() {
        let wanted =
            [(1, Err(BadText::TooLong)), (2, Ok("1234".into())), (3, Err(BadText::NotUtf8)), (4, Ok("a".into()))];
        assert_eq!(read(b"12345\n1234\n\xff\xfe\na", 4), wanted);
    }
}
