//! Who may see what at this moment, as it was decided and not as the server remembers it.

use super::oracle::{Verdict, broken};
use super::template::{SpaceInfo, Template};
use gandan_model::ids::{Compartment, DeviceId, SpaceId};
use std::collections::{BTreeMap, BTreeSet};

/// A device as the office knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Whose it is.
    pub official: usize,
    /// It may do nothing any more.
    pub revoked: bool,
    /// It has to be emptied.
    pub wipe: bool,
}

/// Everything that was decided about rights.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// The units of each official.
    officials: Vec<BTreeSet<String>>,
    devices: BTreeMap<DeviceId, Enrolled>,
    spaces: Vec<SpaceInfo>,
}

impl Rights {
    /// Before anything happened: each device has an official of its own.
    pub fn of(template: &Template, phones: usize) -> Self {
        let mut rights = Self { spaces: template.spaces.clone(), ..Self::default() };
        for (official, phone) in template.phones.iter().take(phones).enumerate() {
            rights.officials.push(phone.units.iter().map(|unit| (*unit).to_owned()).collect());
            rights.devices.insert(phone.id, Enrolled { official, revoked: false, wipe: false });
        }
        rights
    }

    /// Every space there is.
    pub fn spaces(&self) -> &[SpaceInfo] {
        &self.spaces
    }

    /// Every device that was ever enrolled.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, Enrolled)> {
        self.devices.iter().map(|(id, device)| (*id, *device))
    }

    /// The device with this id, unless it is the server's own.
    pub fn device(&self, id: DeviceId) -> Option<Enrolled> {
        self.devices.get(&id).copied()
    }

    /// The units in which a device may read and write now.
    pub fn units(&self, id: DeviceId) -> BTreeSet<String> {
        let device = self.device(id).filter(|device| !device.revoked);
        device.and_then(|device| self.officials.get(device.official)).cloned().unwrap_or_default()
    }

    /// Whether a device may read and write in a space now.
    pub fn may_use(&self, id: DeviceId, space: &SpaceId) -> bool {
        let Some(device) = self.device(id).filter(|device| !device.revoked) else { return false };
        let units = self.officials.get(device.official);
        let info = self.spaces.iter().find(|info| info.id == *space);
        let granted = |info: &SpaceInfo| {
            info.compartment != Compartment::Sealed && units.is_some_and(|units| units.contains(&info.unit))
        };
        info.is_some_and(granted)
    }

    /// An official works elsewhere from now on.
    pub fn move_official(&mut self, official: usize, units: BTreeSet<String>) {
        if let Some(known) = self.officials.get_mut(official) {
            *known = units;
        }
    }

    /// A device is revoked.
    pub fn revoke(&mut self, id: DeviceId, wipe: bool) {
        if let Some(device) = self.devices.get_mut(&id) {
            (device.revoked, device.wipe) = (true, device.wipe | wipe);
        }
    }

    /// The server knows a device of an official; `before` is the one whose place it took, if that is known.
    pub fn found(&mut self, id: DeviceId, official: usize, before: Option<DeviceId>) -> Verdict {
        if self.devices.contains_key(&id) {
            return Ok(());
        }
        if before.and_then(|before| self.device(before)).is_some_and(|before| before.revoked) {
            return broken(5, format!("a revoked device became {id}"));
        }
        self.devices.insert(id, Enrolled { official, revoked: false, wipe: false });
        Ok(())
    }
}
