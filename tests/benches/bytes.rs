//! Bytes on the socket, counted by a proxy, in a run of its own: what passes is what a radio would carry, without TCP.

use crate::figures::{Bound, Figures};
use crate::rig::Rig;
use gandan_tests::processes::Device;
use gandan_tests::proxy::Proxy;
use serde_json::Value;

/// Pushes, pulls, changes and idles once more, through a proxy that counts.
pub(crate) fn measure(rig: &Rig, floor: f64, figures: &mut Figures) {
    figures.group("bytes on the socket, HTTP heads included");
    let server = rig.server("counted");
    let proxy = Proxy::start(server.address());
    let (visits, mut bodies) = (rig.visits() as f64, 0.0);
    let mut devices = Vec::new();
    let before = proxy.traffic();
    let mut enrolled = before;
    for (number, lines) in rig.lines.iter().enumerate() {
        let home = rig.home(&format!("c{number}"));
        let start = proxy.traffic();
        let device = Device::enrolled(&home, &server, &format!("c{number}"), &[&rig.units[number]], proxy.address());
        let end = proxy.traffic();
        enrolled.up += end.up - start.up;
        enrolled.down += end.down - start.down;
        device.record(lines).json();
        let report = device.sync();
        bodies += report["bytes_up"].as_f64().expect("a number");
        devices.push(device);
    }
    let pushed = proxy.traffic().since(enrolled);
    let body = bodies / visits;
    let beside =
        format!("{:.2} × the dictionary floor of {floor:.0} bytes (JSON, zstd-19, trained dictionary)", body / floor);
    figures.add("a new visit with its issues, up, body", body, "bytes", Bound::AtMost(1.45 * floor), beside);
    figures.note("a new visit with its issues, up, on the socket", pushed.up as f64 / visits, "bytes");
    figures.note("its acknowledgement, down, on the socket", pushed.down as f64 / visits, "bytes");

    let device = &devices[0];
    let step = |act: &dyn Fn() -> Value| {
        let before = proxy.traffic();
        let report = act();
        (proxy.traffic().since(before), report)
    };
    device.sync();
    let (idle, _) = step(&|| device.sync());
    figures.note("nothing changed, up", idle.up as f64, "bytes");
    figures.note("nothing changed, down", idle.down as f64, "bytes");
    let line: Value = serde_json::from_str(&rig.lines[0][0]).expect("a line");
    device.run(&["edit", line["visit_id"].as_str().expect("an id"), "hot_spot=active"]).json();
    let (one, _) = step(&|| device.sync());
    figures.note("one field changed, up", one.up as f64, "bytes");
    figures.note("one field changed, down", one.down as f64, "bytes");

    let units: Vec<&str> = rig.units.iter().map(String::as_str).collect();
    let fresh = Device::enrolled(&rig.home("counted-fresh"), &server, "fresh", &units, proxy.address());
    let (pulled, report) = step(&|| fresh.sync());
    figures.note("pull of everything, down, a visit", pulled.down as f64 / visits, "bytes");
    figures.note("pull of everything, up, a visit", pulled.up as f64 / visits, "bytes");
    figures.note("pull of everything, round trips", report["round_trips"].as_f64().expect("a number"), "");
    figures.note("pull of everything, connections", pulled.connections as f64, "");
}
