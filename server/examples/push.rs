//! Scratch: how much a push costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    clippy::print_stdout
)]
#[path = "../tests/support/mod.rs"]
mod support;
use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use serde_json::json;
use std::io::{Read, Write};
use support::peer::Peer;
use support::*;

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn cpu_ns() -> f64 {
    // Sum over threads from schedstat: exact.
    let mut sum = 0u64;
    for e in std::fs::read_dir("/proc/self/task").unwrap() {
        if let Ok(s) = std::fs::read_to_string(e.unwrap().path().join("schedstat")) {
            sum += s.split_whitespace().next().unwrap().parse::<u64>().unwrap();
        }
    }
    sum as f64 / 1e9
}
fn rss() -> String {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines()
        .filter(|l| l.starts_with("VmRSS") || l.starts_with("VmHWM"))
        .map(|l| l.to_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
fn main() {
    let per: usize = std::env::args().nth(1).map_or(50, |a| a.parse().unwrap());
    let app = TestApp::new();
    let n = 20usize;
    let mut peers: Vec<Peer> = (0..n).map(|i| app.official(&format!("CB-{i:03}"), &[UNIT_A, UNIT_B])).collect();
    let note =
        "Bà con phản ánh tuyến đường liên thôn xuống cấp, mùa mưa ngập sâu, học sinh đi lại khó khăn. ".repeat(6);
    for (p, peer) in peers.iter_mut().enumerate() {
        let mut batch = Vec::new();
        let space = peer.space(UNIT_A, "field");
        for v in 0..per {
            let mk = |k: u8| {
                let mut id = [0u8; 16];
                let h = {
                    use sha2::Digest;
                    sha2::Sha256::digest([p as u8, k, (v >> 8) as u8, v as u8])
                };
                id.copy_from_slice(&h[..16]);
                DocId(id)
            };
            let id = mk(0);
            let raw = peer.edit(
                space,
                id,
                DocKind::Visit,
                &[
                    ("planned_on", json!("2026-08-02")),
                    ("programme", json!("sunday_with_people")),
                    ("status", json!("submitted")),
                    ("place.kind", json!("thon")),
                    ("place.name", json!(format!("Thôn {v}"))),
                    ("venue", json!("community_house")),
                    ("started_at", json!("2026-08-02T07:30:00+07:00")),
                    ("ended_at", json!("2026-08-02T11:00:00+07:00")),
                    ("counts.residents", json!(40 + v)),
                    ("counts.households", json!(20)),
                    ("note", json!(format!("{note}{v}{p}"))),
                    ("team.CB-001", json!({"role": "lead", "name": "A", "agency": "Sở X"})),
                ],
            );
            batch.push((id, raw));
            for k in 1..=(if v % 5 == 0 { 1 } else { 2 }) {
                let id = mk(k);
                let raw = peer.edit(
                    space,
                    id,
                    DocKind::Issue,
                    &[
                        ("kind", json!("feedback")),
                        ("field", json!("transport")),
                        ("title", json!("Đường hỏng")),
                        ("description", json!(format!("Đường liên thôn hỏng nặng đoạn qua cầu {v}"))),
                        ("priority", json!("normal")),
                        ("received_on", json!("2026-08-02")),
                    ],
                );
                batch.push((id, raw));
            }
            if batch.len() >= 84 || v + 1 == per {
                peer.seal(space, &std::mem::take(&mut batch));
            }
        }
    }
    let requests: Vec<Vec<u8>> = peers.iter().map(|p| p.request().1).collect();
    let bytes: usize = requests.iter().map(Vec::len).sum();
    let visits = (n * per) as f64;
    println!("{} visits, {} bytes, {:.0} a visit; {}", visits, bytes, bytes as f64 / visits, rss());
    let mut streams: Vec<std::net::TcpStream> = (0..n)
        .map(|_| {
            let s = std::net::TcpStream::connect(app.address).unwrap();
            s.set_nodelay(true).unwrap();
            s
        })
        .collect();
    let _ = cpu();
    let c0 = cpu_ns();
    let t = std::time::Instant::now();
    std::thread::scope(|s| {
        for (stream, body) in streams.iter_mut().zip(&requests) {
            s.spawn(move || {
                let head = format!(
                    "POST /v1/sync HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(body).unwrap();
                let mut out = Vec::new();
                stream.read_to_end(&mut out).unwrap();
                assert!(out.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&out[..200]));
            });
        }
    });
    let wall = t.elapsed().as_secs_f64();
    let c1 = cpu_ns();
    println!(
        "push: {:.1} ms wall, {:.0} visits/s, {:.3} ms CPU a visit (client threads included), commits {:?}; {}",
        wall * 1e3,
        visits / wall,
        (c1 - c0) * 1e3 / visits,
        app.server().state().metrics().commits(),
        rss()
    );
    let t = std::time::Instant::now();
    app.project();
    println!(
        "projected: {:.1} ms, {:.3} ms CPU a visit; {}",
        t.elapsed().as_secs_f64() * 1e3,
        (cpu_ns() - c1) * 1e3 / visits,
        rss()
    );
    for p in &mut peers {
        p.sync(&app);
    }
    let mut idle = 0.0;
    let mut idle_wall = 0.0;
    for p in &mut peers {
        let (_, b) = p.request();
        let c = cpu_ns();
        let t = std::time::Instant::now();
        let a = Peer::post(&app, &b);
        idle_wall += t.elapsed().as_secs_f64();
        idle += cpu_ns() - c;
        p.last_bytes = (b.len(), a.body.len());
    }
    println!(
        "idle: {:.3} ms CPU, {:.3} ms wall, {:?} bytes",
        idle * 1e3 / n as f64,
        idle_wall * 1e3 / n as f64,
        peers[0].last_bytes
    );
    let mut all = app.official("CB-200", &[UNIT_A, UNIT_B]);
    let (c, t) = (cpu_ns(), std::time::Instant::now());
    let mut down = 0;
    loop {
        let (s, b) = all.request();
        let a = Peer::post(&app, &b);
        down += a.body.len();
        let o = s.finish(&a.body, &all, 1).unwrap();
        for part in &o.parts {
            all.positions.insert(part.space, part.position);
        }
        all.token = o.token;
        if !o.more {
            break;
        }
    }
    println!(
        "pull: {:.1} ms wall, {:.3} ms CPU a visit (opening included), {} bytes",
        t.elapsed().as_secs_f64() * 1e3,
        (cpu_ns() - c) * 1e3 / visits,
        down
    );
    let code =
        app.code("CB-300", gandan_server::auth::Role::FieldOfficial, &[gandan_server::auth::ScopeLine::Province]);
    let mut wide = Peer::enrol(&app, "CB-300", &code);
    wide.sync(&app);
    let (_, b) = wide.request();
    let (c, t) = (cpu_ns(), std::time::Instant::now());
    let a = Peer::post(&app, &b);
    println!(
        "idle with {} spaces: {:.3} ms CPU, {:.3} ms wall, {} up {} down",
        wide.positions.len(),
        (cpu_ns() - c) * 1e3,
        t.elapsed().as_secs_f64() * 1e3,
        b.len(),
        a.body.len()
    );
}
