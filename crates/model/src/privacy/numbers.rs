//! Identity and telephone numbers as they are written in Vietnam.

use std::ops::Range;

use super::{MAX_WARNINGS, PrivacyWarning, WarningKind};

/// Most digits that can belong to one number.
const MAX_DIGITS: usize = 15;

/// An unbroken group of digits.
struct Group {
    span: Range<usize>,
    /// A plus sign stands before it.
    plus: bool,
    /// One space, dot or hyphen stands between it and the group before.
    joined: bool,
    /// A dot does.
    dotted: bool,
}

pub(super) fn find(text: &str) -> Vec<PrivacyWarning> {
    let groups = groups(text);
    let mut warnings = Vec::new();
    let mut index = 0;
    while index < groups.len() && warnings.len() < MAX_WARNINGS {
        match longest(text, &groups[index..]) {
            Some((kind, count)) => {
                let span = groups[index].span.start..groups[index + count - 1].span.end;
                warnings.push(PrivacyWarning { kind, span });
                index += count;
            }
            None => index += 1,
        }
    }
    warnings
}

fn groups(text: &str) -> Vec<Group> {
    let bytes = text.as_bytes();
    let mut groups: Vec<Group> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        let gap = groups.last().map(|group| &bytes[group.span.end..start]);
        groups.push(Group {
            span: start..at,
            plus: start > 0 && bytes[start - 1] == b'+',
            joined: matches!(gap, Some(b" " | b"." | b"-")),
            dotted: matches!(gap, Some(b".")),
        });
    }
    groups
}

/// The longest number that begins with the first group, and of how many groups it is made.
fn longest(text: &str, groups: &[Group]) -> Option<(WarningKind, usize)> {
    let mut digits = String::new();
    let mut found = None;
    for (index, group) in groups.iter().enumerate() {
        if index > 0 && !group.joined {
            break;
        }
        digits.push_str(&text[group.span.clone()]);
        if digits.len() > MAX_DIGITS {
            break;
        }
        let used = &groups[..=index];
        if is_phone(&digits, groups[0].plus) {
            found = Some((WarningKind::PhoneNumber, index + 1));
        } else if is_identity(&digits, used) {
            found = Some((WarningKind::IdentityNumber, index + 1));
        }
    }
    found
}

/// Mobile: 0 and nine digits beginning with 3, 5, 7, 8 or 9. Landline: 02 and nine digits. Both also with +84, 84
/// or 0084 in place of the first 0.
fn is_phone(digits: &str, plus: bool) -> bool {
    let national = if let Some(rest) = digits.strip_prefix("0084") {
        rest
    } else if let Some(rest) = digits.strip_prefix("84").filter(|r| plus || r.len() >= 9) {
        rest
    } else if let Some(rest) = digits.strip_prefix('0') {
        rest
    } else {
        return false;
    };
    // Some write +84 (0)912 345 678.
    let national = national.strip_prefix('0').unwrap_or(national);
    matches!(
        (national.len(), national.as_bytes().first()),
        (9, Some(b'3' | b'5' | b'7' | b'8' | b'9')) | (10, Some(b'2'))
    )
}

/// 12 digits (the first is 0, or they stand together) or 9 digits, together or in threes. Amounts such as
/// 150.000.000 are not identity numbers.
fn is_identity(digits: &str, groups: &[Group]) -> bool {
    let together = groups.len() == 1;
    let in_threes = groups.iter().all(|group| group.span.len() == 3);
    let amount = !together
        && !digits.starts_with('0')
        && groups[0].span.len() <= 3
        && groups[1..].iter().all(|group| group.dotted && group.span.len() == 3);
    match digits.len() {
        12 => together || digits.starts_with('0'),
        9 => together || (in_threes && !amount),
        _ => false,
    }
}
