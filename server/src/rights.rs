//! Which spaces a role opens.

use gandan_model::ids::Compartment;

use crate::auth::Role;
use crate::db::storage::Access;

/// What a device of this role may do in the compartments of a unit in its scope.
///
/// Residents' names and addresses (`contacts`) go to those who visit and to the commune that answers; nobody above
/// needs them on a device.
pub fn in_unit(role: Role) -> &'static [(Compartment, Access)] {
    match role {
        Role::FieldOfficial | Role::CommuneStaff => {
            &[(Compartment::Field, Access::BOTH), (Compartment::Contacts, Access::BOTH)]
        }
        Role::Agency | Role::AreaStaff | Role::ProvinceStaff => &[(Compartment::Field, Access::BOTH)],
        Role::Inspector | Role::Administrator => &[(Compartment::Field, Access::READ)],
    }
}

/// What a device of this role may do in the sealed compartment of its province: those who visit can drop a stub there
/// and see nothing; the inspectorate reads.
pub fn in_sealed(role: Role) -> Access {
    match role {
        Role::FieldOfficial | Role::CommuneStaff => Access::WRITE,
        Role::Inspector => Access::READ,
        Role::Agency | Role::AreaStaff | Role::ProvinceStaff | Role::Administrator => Access::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_the_inspector_reads_what_is_sealed() {
        for role in Role::ALL {
            assert_eq!(in_sealed(role).reads(), role == Role::Inspector);
            assert!(in_unit(role).iter().all(|(compartment, _)| *compartment != Compartment::Sealed));
            let contacts = in_unit(role).iter().any(|(compartment, _)| *compartment == Compartment::Contacts);
            assert_eq!(contacts, role.reads_contacts());
        }
    }
}
