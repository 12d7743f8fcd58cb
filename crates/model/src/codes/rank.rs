//! Order among codes where a merge rule needs one: the higher rank stands until a person decides.
//!
//! Unknown codes of newer apps get a rank by what does least harm: they outrank a plain value, so that the newer
//! meaning is not lost, and yield to the strongest known one.

use super::{Confidentiality, Confirmation, Consent, HotSpot, IssueKind, IssueStatus, Priority};

impl IssueKind {
    /// Legal strictness: denunciation over complaint over all others, which are equal among themselves.
    pub fn strictness(&self) -> u8 {
        match self {
            Self::Denunciation => 2,
            Self::Complaint => 1,
            _ => 0,
        }
    }
}

impl Priority {
    /// Emergency over urgent over unknown over normal.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Emergency => 3,
            Self::Urgent => 2,
            Self::Other(_) => 1,
            Self::Normal => 0,
        }
    }
}

impl HotSpot {
    /// Active over watch over unknown over resolved over none.
    pub fn severity(&self) -> u8 {
        match self {
            Self::Active => 4,
            Self::Watch => 3,
            Self::Other(_) => 2,
            Self::Resolved => 1,
            Self::None => 0,
        }
    }
}

impl Confidentiality {
    /// Sealed over unknown over restricted over normal.
    pub fn strictness(&self) -> u8 {
        match self {
            Self::DenunciationSealed => 3,
            Self::Other(_) => 2,
            Self::Restricted => 1,
            Self::Normal => 0,
        }
    }
}

impl Consent {
    /// Protectiveness: sealed over withdrawn over refused over unknown over given over not needed. Only `given` lets a
    /// contact be kept, so everything above it drops the contact.
    pub fn protectiveness(&self) -> u8 {
        match self {
            Self::Sealed => 5,
            Self::Withdrawn => 4,
            Self::Refused => 3,
            Self::Other(_) => 2,
            Self::Given => 1,
            Self::NotNeeded => 0,
        }
    }
}

impl Confirmation {
    /// Disputed over confirmed over unknown over unreachable over not asked: a dispute is never lost.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Disputed => 4,
            Self::Confirmed => 3,
            Self::Other(_) => 2,
            Self::Unreachable => 1,
            Self::NotAsked => 0,
        }
    }
}

impl IssueStatus {
    /// How far an issue has come, for concurrent events that the replay cannot order otherwise. Along the main line
    /// the later state is higher; `reopened` tops `closed`, because a dispute wins over closing; the ways out of the
    /// line lie below the first work on the matter, because evidence of work wins over an exit. Unknown codes lie
    /// just above `recorded`.
    pub fn progress(&self) -> u8 {
        match self {
            Self::Recorded => 0,
            Self::Other(_) => 1,
            Self::Received => 2,
            Self::AwaitingInfo => 3,
            Self::Forwarded => 4,
            Self::Duplicate => 5,
            Self::Withdrawn => 6,
            Self::OutOfCompetence => 7,
            Self::NotAccepted => 8,
            Self::InProgress => 9,
            Self::Resolved => 10,
            Self::Replied => 11,
            Self::Closed => 12,
            Self::Reopened => 13,
        }
    }
}
