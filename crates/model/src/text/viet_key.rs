//! Sort key by the Vietnamese alphabet.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::is_apostrophe;

/// The alphabet with f, j, w and z of other languages at their Latin places.
const ALPHABET: &str = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz";

/// Byte that separates the levels of the key; lower than everything else in it.
const LEVEL: char = '\u{1}';

/// A key whose byte order is the Vietnamese order of the texts. Never shown; NFC and NFD give the same key.
///
/// Letters first over the whole text (a ă â b c d đ e ê …), then tones from left to right (level, huyền, hỏi, ngã,
/// sắc, nặng), then small before capital letters. This is how `Intl.Collator("vi")` sorts, so lists come in the same
/// order from every side. Numbers sort by value (Thôn 2 before Thôn 10), signs count as one space, apostrophes not
/// at all. Letters outside the alphabet sort as their base letter, other scripts after z.
pub fn viet_key(text: &str) -> String {
    let mut key = Key::default();
    let mut chars = text.nfd().peekable();
    while let Some(c) = chars.next() {
        if is_apostrophe(c) || is_combining_mark(c) {
            continue;
        }
        if c.is_ascii_digit() {
            let mut digits = String::from(c);
            while let Some(d) = chars.next_if(char::is_ascii_digit) {
                digits.push(d);
            }
            key.number(&digits);
        } else if c.is_alphabetic() {
            let mut marks = Marks::default();
            while let Some(mark) = chars.next_if(|m| is_combining_mark(*m)) {
                marks.take(mark);
            }
            key.letter(c, &marks);
        } else {
            key.gap = true;
        }
    }
    key.finish()
}

/// The marks above and below one letter.
#[derive(Default)]
struct Marks {
    quality: Option<char>,
    tone: u8,
    foreign: bool,
}

impl Marks {
    fn take(&mut self, mark: char) {
        match mark {
            '\u{0306}' | '\u{0302}' | '\u{031B}' => self.quality = Some(mark),
            '\u{0300}' => self.tone = 1,
            '\u{0309}' => self.tone = 2,
            '\u{0303}' => self.tone = 3,
            '\u{0301}' => self.tone = 4,
            '\u{0323}' => self.tone = 5,
            _ => self.foreign = true,
        }
    }
}

#[derive(Default)]
struct Key {
    letters: String,
    tones: String,
    cases: String,
    gap: bool,
}

impl Key {
    fn space(&mut self) {
        if self.gap && !self.letters.is_empty() {
            self.letters.push(' ');
        }
        self.gap = false;
    }

    /// Length first, so that longer numbers are larger; numbers of ten digits and more all count as length nine.
    fn number(&mut self, digits: &str) {
        self.space();
        let digits = digits.trim_start_matches('0');
        let length = u8::try_from(digits.len()).unwrap_or(9).min(9);
        self.letters.push(char::from(b'0' + length));
        self.letters.push_str(digits);
    }

    fn letter(&mut self, c: char, marks: &Marks) {
        self.space();
        let mut base = c.to_lowercase().next().unwrap_or(c);
        let mut foreign = marks.foreign;
        match (base, marks.quality) {
            ('ð' | 'ɖ', _) => base = 'đ',
            ('ƀ' | 'ɓ', _) => (base, foreign) = ('b', true),
            (_, None) => {}
            ('a', Some('\u{0306}')) => base = 'ă',
            ('a', Some('\u{0302}')) => base = 'â',
            ('e', Some('\u{0302}')) => base = 'ê',
            ('o', Some('\u{0302}')) => base = 'ô',
            ('o', Some('\u{031B}')) => base = 'ơ',
            ('u', Some('\u{031B}')) => base = 'ư',
            (_, Some(_)) => foreign = true,
        }
        match ALPHABET.chars().position(|letter| letter == base) {
            Some(place) => {
                let place = u8::try_from(place).unwrap_or(u8::MAX - b'A');
                self.letters.push(char::from(b'A' + place));
            }
            None => self.letters.push(base),
        }
        self.tones.push(char::from(b'0' + if foreign { 6 } else { marks.tone }));
        self.cases.push(if c.is_uppercase() { '1' } else { '0' });
    }

    fn finish(self) -> String {
        let Self { mut letters, tones, cases, .. } = self;
        letters.push(LEVEL);
        letters.push_str(tones.trim_end_matches('0'));
        letters.push(LEVEL);
        letters.push_str(cases.trim_end_matches('0'));
        letters
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn sorted(given: &[&str]) {
        for pair in given.windows(2) {
            assert!(viet_key(pair[0]) < viet_key(pair[1]), "{} before {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn alphabet_and_tones() {
        sorted(&["a", "ă", "â", "b", "c", "d", "đ", "e", "ê", "g", "h", "i", "k", "l", "m", "n", "o", "ô", "ơ", "p"]);
        sorted(&["p", "q", "r", "s", "t", "u", "ư", "v", "x", "y"]);
        sorted(&["ma", "mà", "mả", "mã", "má", "mạ", "mac", "mă"]);
        sorted(&["da", "Da", "Dạ", "đa", "Đạ Huoai"]);
        sorted(&["Bao Xa", "Bảo Xa", "Bảo Xá", "Bão Xa", "Bảo Yên"]);
        sorted(&["", "1", "a"]);
    }

    #[test]
    fn tones_decide_only_between_equal_letters() {
        sorted(&["Bảo Lâm", "Bảo Lộc", "Bao Vinh"]);
        sorted(&["Đạ Tẻh", "Đam Rông"]);
        sorted(&["Lý An", "Ly Bình"]);
    }

    #[test]
    fn numbers_sort_by_value() {
        sorted(&["Thôn 1", "Thôn 2", "Thôn 10", "Thôn A"]);
        sorted(&["Xã Đam Rông 1", "Xã Đam Rông 4"]);
        sorted(&["7", "123456789", "1234567890", "99999999999"]);
        assert_eq!(viet_key("Thôn 02"), viet_key("Thôn 2"));
    }

    #[test]
    fn normal_form_apostrophes_and_signs_do_not_matter() {
        let nfd: String = "Đắk R'Lấp ự ậ".nfd().collect();
        assert_eq!(viet_key(&nfd), viet_key("Đắk R’Lấp ự ậ"));
        assert_eq!(viet_key("Lang Biang - Đà Lạt"), viet_key("Lang Biang – Đà Lạt "));
        sorted(&["Akô", "Akơ", "Al"]);
        sorted(&["ako", "akŏ", "akô"]);
    }
}
