//! What every scenario begins with: a server with two communes and a few enrolled devices, made once by the product's own
//! code and copied from then on.

use super::dice::Dice;
use super::disk::{Disk, Image};
use super::machines::ServerDice;
use gandan_client::transport::{Answer, JSON_TYPE, Meter, Pending, Post, Transport, TransportError};
use gandan_client::{Client, Clock, Environment};
use gandan_model::ids::{Compartment, DeviceId, SpaceId};
use gandan_model::org::{OrgTree, UNITS_CSV};
use gandan_server::auth::{Role, ScopeLine};
use gandan_server::clock::ManualClock;
use gandan_server::core::Core;
use gandan_server::db::sqlite::people::{Official, Purpose};
use gandan_server::db::sqlite::{org, people, spaces};
use gandan_server::db::{Db, DbOptions};
use gandan_server::enrolment::{EnrolRequest, enrol};
use gandan_server::folder::{Folder, OfficialLine};
use gandan_server::random::SharedRandom;
use gandan_server::server::ServerOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// When every scenario begins: Unix milliseconds, 2026-11-23 08:00 in Vietnam.
pub const START_MS: i64 = 1_795_395_600_000;
/// The two communes.
pub const UNITS: [&str; 2] = ["23059", "24682"];

/// Disks of a server and of its devices before anything happened.
pub struct Template {
    /// The server's disk.
    pub server: Image,
    /// The devices and their disks.
    pub phones: Vec<PhoneTemplate>,
    /// Every space there is.
    pub spaces: Vec<SpaceInfo>,
    /// The server's ledger of decisions, which lies beside its database.
    pub ledger: String,
}

/// A space.
#[derive(Clone, Debug)]
pub struct SpaceInfo {
    /// Its id.
    pub id: SpaceId,
    /// Its number in the server's database.
    pub no: i64,
    /// Code of its unit.
    pub unit: String,
    /// Its compartment.
    pub compartment: Compartment,
}

/// An enrolled device.
pub struct PhoneTemplate {
    /// The device.
    pub id: DeviceId,
    /// Its disk.
    pub disk: Image,
    /// The units its official was sent to.
    pub units: Vec<&'static str>,
}

/// The server's options in a scenario: nothing may wait for anything.
pub fn options(folder: &Path, clock: Arc<ManualClock>, random: SharedRandom) -> ServerOptions {
    let db = DbOptions { readers: 1, cache_kib: 512, busy_timeout_ms: 0, max_pages: 0 };
    ServerOptions { db, clock, random, ..ServerOptions::new(folder) }
}

/// Folder of the server below the folder of a scenario.
pub fn server_folder(base: &Path) -> PathBuf {
    base.join("server")
}

/// Folder of a device below the folder of a scenario.
pub fn phone_folder(base: &Path, phone: usize) -> PathBuf {
    base.join(format!("phone-{phone}"))
}

/// The key of a device's database.
pub fn phone_key(phone: usize) -> [u8; 32] {
    [u8::try_from(phone).unwrap_or(0) + 1; 32]
}

/// The folder's name as SQLite is given it.
pub fn name(folder: &Path) -> &str {
    folder.to_str().expect("folders of scenarios have plain names")
}

/// The key of the server's own device; each restore gives it the next one.
pub fn lay_server_key(folder: &Path, restores: u64) {
    std::fs::write(folder.join("server.key"), format!("{:064x}", 7 + restores)).unwrap();
}

/// Files beside the server's database, as they are at first.
pub fn lay_server_folder(folder: &Path, ledger: &str) {
    std::fs::create_dir_all(folder).unwrap();
    lay_server_key(folder, 0);
    std::fs::write(folder.join("incarnation"), "1795000000").unwrap();
    std::fs::write(folder.join("ledger.jsonl"), ledger).unwrap();
}

impl Template {
    /// Makes a server and so many devices in the folder `base`.
    pub fn make(base: &Path, phones: usize) -> Self {
        let folder = server_folder(base);
        lay_server_folder(&folder, "");
        let disk = Disk::mount(name(&folder), &Image::default());
        let clock = Arc::new(ManualClock::at(START_MS));
        let (spaces, phones) = {
            let core = Core::open(&options(&folder, clock, Arc::<ServerDice>::default())).unwrap();
            let spaces = lay_ground(&core.db);
            (spaces, (0..phones).map(|phone| enrolled(base, &core.db, phone)).collect())
        };
        let ledger = std::fs::read_to_string(folder.join("ledger.jsonl")).unwrap();
        let server = disk.image();
        Disk::unmount(name(&folder));
        Self { server, phones, spaces, ledger }
    }
}

fn lay_ground(db: &Db) -> Vec<SpaceInfo> {
    let mut lines = UNITS_CSV.lines();
    let head = lines.next().unwrap_or_default();
    let wanted = lines.filter(|line| UNITS.iter().any(|unit| line.starts_with(unit)) || line.contains("province"));
    let text = std::iter::once(head).chain(wanted).collect::<Vec<_>>().join("\n");
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect::<Result<Vec<_>, _>>();
    let tree = OrgTree::from_rows(rows.unwrap()).unwrap();
    let mut dice = Dice::new(0x5ace);
    let mut new_space = || {
        let mut id = [0; 16];
        gandan_client::Random::fill(&mut dice, &mut id);
        Ok(id)
    };
    db.write(|transaction| {
        org::import(transaction, &tree, &mut new_space)?;
        let mut all = Vec::new();
        for (id, unit, compartment) in spaces::all(transaction)? {
            let no = transaction.query_row("SELECT no FROM space WHERE id = ?1", [id.0], |row| row.get(0))?;
            all.push(SpaceInfo { id, no, unit, compartment });
        }
        all.sort_by_key(|info| info.no);
        Ok(all)
    })
    .unwrap()
}

/// The official of a device, as the ledger has it.
pub fn official(phone: usize, units: &[&str]) -> OfficialLine {
    let scope = units.iter().map(|unit| ScopeLine::Unit((*unit).to_owned())).collect();
    OfficialLine { id: format!("CB-{phone:03}"), name: format!("Cán bộ {phone}"), role: Role::FieldOfficial, scope }
}

/// The even devices work in the first commune, the odd ones in both.
fn enrolled(base: &Path, db: &Db, phone: usize) -> PhoneTemplate {
    let units = if phone.is_multiple_of(2) { vec![UNITS[0]] } else { UNITS.to_vec() };
    let OfficialLine { id, name: official_name, role, scope: lines } = official(phone, &units);
    let code = format!("code-{phone}");
    let official = Official { id, name: official_name, role };
    db.write(|transaction| {
        people::put_official(transaction, &official, &lines, START_MS)?;
        people::put_code(transaction, &code, Purpose::Device, &official.id, START_MS, START_MS + 1_000_000)
    })
    .unwrap();
    let folder = phone_folder(base, phone);
    std::fs::create_dir_all(&folder).unwrap();
    let disk = Disk::mount(name(&folder), &Image::default());
    let environment = Environment::new(Still, Dice::new(0xd1ce + phone as u64), Desk(db.clone()));
    let client = Client::open(&folder, phone_key(phone), environment).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let device = runtime.block_on(client.enrol(&format!("https://sim/enrol#{code}"), false)).unwrap();
    client.close().unwrap();
    let image = disk.image();
    Disk::unmount(name(&folder));
    PhoneTemplate { id: device.device, disk: image, units }
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now_ms(&self) -> i64 {
        START_MS
    }
}

/// The road to the desk where devices are enrolled; there is none to anywhere else.
struct Desk(Db);

impl Transport for Desk {
    fn post<'a>(&'a self, post: Post, _: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        Box::pin(async move {
            let request: EnrolRequest = serde_json::from_slice(&post.body).unwrap();
            let folder = Folder::at(self.0.folder());
            let bundle = self.0.write(|transaction| enrol(transaction, &folder, &request, START_MS, 900));
            let bundle = bundle.unwrap().unwrap();
            let body = serde_json::to_vec(&bundle).unwrap();
            Ok(Answer { status: 200, content_type: JSON_TYPE.to_owned(), body, ..Answer::default() })
        })
    }
}
