//! Who may see what: roles, scopes, bearer tokens.
//!
//! A token is 32 random bytes, shown once; the database keeps its SHA-256. Whoever presents it becomes a [`Principal`],
//! whose scope is spelled out as the set of unit codes at that moment, so that no handler has to know about areas.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

/// What a person (or a program) is to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Records visits on a phone, in the units dispatched to.
    FieldOfficial,
    /// Staff of a commune, ward or special zone.
    CommuneStaff,
    /// Staff of the agency that settles issues.
    Agency,
    /// Staff of an area of several communes.
    AreaStaff,
    /// Staff of the province.
    ProvinceStaff,
    /// The inspectorate: also reads the sealed compartment and the audit trail.
    Inspector,
    /// Manages accounts, units and rules.
    Administrator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::FieldOfficial,
        Self::CommuneStaff,
        Self::Agency,
        Self::AreaStaff,
        Self::ProvinceStaff,
        Self::Inspector,
        Self::Administrator,
    ];

    /// The role's name on the command line, in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FieldOfficial => "field_official",
            Self::CommuneStaff => "commune_staff",
            Self::Agency => "agency",
            Self::AreaStaff => "area_staff",
            Self::ProvinceStaff => "province_staff",
            Self::Inspector => "inspector",
            Self::Administrator => "administrator",
        }
    }

    /// Whether the role may read the sealed compartment.
    pub const fn reads_sealed(self) -> bool {
        matches!(self, Self::Inspector)
    }

    /// Whether the role may read residents' names and addresses.
    pub const fn reads_contacts(self) -> bool {
        matches!(self, Self::FieldOfficial | Self::CommuneStaff)
    }

    /// Whether the role may change records through the staff API.
    pub const fn writes(self) -> bool {
        !matches!(self, Self::Inspector)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|role| role.as_str()).collect();
            format!("unknown role; one of: {}", names.join(", "))
        })
    }
}

/// One line of what somebody may see, as it stands in the database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum ScopeLine {
    /// One unit, by its code.
    Unit(String),
    /// All units of an area, by the area's id.
    Area(String),
    /// Everything.
    Province,
}

impl ScopeLine {
    /// The line's kind and value as columns.
    pub fn columns(&self) -> (&'static str, &str) {
        match self {
            Self::Unit(code) => ("unit", code),
            Self::Area(id) => ("area", id),
            Self::Province => ("province", ""),
        }
    }

    /// The line from its columns; `None` for a kind of a newer server.
    pub fn from_columns(kind: &str, value: String) -> Option<Self> {
        match kind {
            "unit" => Some(Self::Unit(value)),
            "area" => Some(Self::Area(value)),
            "province" => Some(Self::Province),
            _ => None,
        }
    }
}

/// Which units somebody may see, with areas resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every unit.
    Province,
    /// These units, by code.
    Units(BTreeSet<String>),
}

impl Scope {
    /// The unit codes to filter by; `None` means no filter.
    pub fn units(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::Province => None,
            Self::Units(units) => Some(units),
        }
    }
}

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The account's name: what stands as author of the changes it makes. Never written to logs.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The agency whose issues it sees, for the role agency; without one the account's name is the agency's.
    pub agency: Option<String>,
    /// What it may see.
    pub scope: Scope,
}

impl Principal {
    /// Name of the agency to whose issues the account is bound; `None` for every other role.
    pub fn agency(&self) -> Option<&str> {
        (self.role == Role::Agency).then(|| self.agency.as_deref().unwrap_or(&self.name))
    }

    /// Whether records of this unit may be seen (and, if the role writes at all, changed).
    pub fn can_see_unit(&self, code: &str) -> bool {
        match &self.scope {
            Scope::Province => true,
            Scope::Units(units) => units.contains(code),
        }
    }
}

/// The hash under which a token or one-time code is kept.
pub fn hash_secret(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Text from this many random bytes, base64url without padding.
pub fn new_secret<const N: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(secret_text(&bytes))
}

/// Random bytes as text that goes into addresses and headers.
pub fn secret_text(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

/// Compares without telling by its duration where the first difference is.
pub fn equal_in_constant_time(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_read_what_they_write() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!("chairman".parse::<Role>().unwrap_err().contains("field_official"));
    }

    #[test]
    fn a_scope_of_units_hides_the_others() {
        let units = BTreeSet::from(["24769".to_owned()]);
        let mut person =
            Principal { name: "a".into(), role: Role::CommuneStaff, agency: None, scope: Scope::Units(units) };
        assert!(person.can_see_unit("24769"));
        assert!(!person.can_see_unit("24770"));
        person.scope = Scope::Province;
        assert!(person.can_see_unit("24770"));
    }

    #[test]
    fn secrets_differ_and_compare() {
        let (a, b) = (new_secret::<32>().unwrap(), new_secret::<32>().unwrap());
        assert_eq!(a.len(), 43);
        assert_ne!(a, b);
        assert!(equal_in_constant_time(&hash_secret(&a), &hash_secret(&a)));
        assert!(!equal_in_constant_time(&hash_secret(&a), &hash_secret(&b)));
    }
}
