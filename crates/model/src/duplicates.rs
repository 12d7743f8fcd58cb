//! One matter recorded several times: which of the issues stands for all of them.
//!
//! `duplicate_of` links issues. Links made apart may form chains and even circles (each of two officials
//! marks the other's issue), so the links are read without their direction: all issues that hang together
//! are one matter, the oldest of them stands for it, and the clock runs from the earliest reception.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::ids::DocId;

/// What matters here of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raised {
    /// The issue.
    pub id: DocId,
    /// The issue that it was marked as repeating.
    pub duplicate_of: Option<DocId>,
    /// When it was received.
    pub received_on: Option<Date>,
    /// When it was recorded, in milliseconds since 1970.
    pub created_at_ms: i64,
}

/// The issue that stands for a matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canonical {
    /// That issue.
    pub id: DocId,
    /// True if it is the very issue that was asked for.
    pub stands: bool,
    /// The earliest reception of all that belong to the matter.
    pub received_on: Option<Date>,
}

/// For each issue that takes part in a link, the issue that stands for its matter. The same whatever the
/// order of `issues`. A link to an issue that is not among them is passed over.
///
/// ```
/// use gandan_model::duplicates::{Raised, canonical};
/// use gandan_model::ids::DocId;
///
/// let issue = |id, of: u8, at| Raised {
///     id: DocId([id; 16]), duplicate_of: Some(DocId([of; 16])), received_on: None, created_at_ms: at,
/// };
/// let circle = canonical(&[issue(1, 2, 20), issue(2, 1, 10)]);
/// assert!(circle.values().all(|matter| matter.id == DocId([2; 16])));
/// ```
pub fn canonical(issues: &[Raised]) -> BTreeMap<DocId, Canonical> {
    let place: BTreeMap<DocId, usize> = issues.iter().enumerate().map(|(place, issue)| (issue.id, place)).collect();
    let mut parent: Vec<usize> = (0..issues.len()).collect();
    let mut linked = vec![false; issues.len()];
    for (from, issue) in issues.iter().enumerate() {
        let Some(to) = issue.duplicate_of.and_then(|id| place.get(&id).copied()) else { continue };
        let (a, b) = (root(&mut parent, from), root(&mut parent, to));
        parent[a] = b;
        linked[from] = true;
        linked[to] = true;
    }
    let mut matters: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for member in (0..issues.len()).filter(|member| linked[*member]) {
        matters.entry(root(&mut parent, member)).or_default().push(member);
    }
    let mut result = BTreeMap::new();
    for members in matters.values() {
        let age = |member: &&usize| {
            let issue = &issues[**member];
            // An issue without a date of reception is not older than one that has it.
            (issue.received_on.is_none(), issue.received_on, issue.created_at_ms, issue.id)
        };
        let received_on = members.iter().filter_map(|member| issues[*member].received_on).min();
        let Some(oldest) = members.iter().min_by_key(age) else { continue };
        let id = issues[*oldest].id;
        let of = |member: &usize| Canonical { id, stands: member == oldest, received_on };
        result.extend(members.iter().map(|member| (issues[*member].id, of(member))));
    }
    result
}

fn root(parent: &mut [usize], mut member: usize) -> usize {
    while parent[member] != member {
        parent[member] = parent[parent[member]];
        member = parent[member];
    }
    member
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(id: u8, of: Option<u8>, day: Option<i8>) -> Raised {
        let received_on = day.map(|day| jiff::civil::date(2026, 9, day));
        Raised { id: DocId([id; 16]), duplicate_of: of.map(|of| DocId([of; 16])), received_on, created_at_ms: 0 }
    }

    #[test]
    fn the_oldest_of_a_chain_stands_for_it_and_brings_the_earliest_date() {
        let chain =
            [issue(1, Some(2), Some(9)), issue(2, Some(3), Some(4)), issue(3, None, Some(7)), issue(4, None, None)];
        let found = canonical(&chain);
        assert_eq!(found.len(), 3);
        for (id, matter) in &found {
            let oldest = DocId([2; 16]);
            let received_on = Some(jiff::civil::date(2026, 9, 4));
            assert_eq!(*matter, Canonical { id: oldest, stands: *id == oldest, received_on });
        }
        let mut reversed = chain;
        reversed.reverse();
        assert_eq!(canonical(&reversed), found);
    }

    #[test]
    fn a_link_to_nowhere_changes_nothing() {
        assert!(canonical(&[issue(1, Some(9), None)]).is_empty());
        assert_eq!(canonical(&[issue(1, Some(1), None)]).len(), 1);
    }
}
