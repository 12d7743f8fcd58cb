//! Bad roads: cut lines, lost answers, other people's answers, nobody there.

use crate::stage::{Stage, UNIT, code, lines, number};
use gandan_tests::processes::{Device, eventually};
use gandan_tests::proxy::Proxy;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

/// A device whose road to the server can be cut.
fn device_behind(stage: &Stage, proxy: &Proxy, name: &str) -> Device {
    Device::enrolled(&stage.folder.path().join(name), &stage.server, name, &[UNIT], proxy.address())
}

#[test]
fn an_upload_cut_anywhere_loses_nothing_and_doubles_nothing() {
    let stage = Stage::new();
    let proxy = Proxy::start(stage.server.address());
    let device = device_behind(&stage, &proxy, "a");
    let mut visits = 0;
    for (round, cut) in [1, 60, 300, 1_000, 3_000, 9_000, 20_000].into_iter().enumerate() {
        device.record(&lines(100 + round as u64, 10)).json();
        visits += 10;
        proxy.cut_up_after(Some(cut));
        let said = device.run(&["sync"]);
        if said.code == 1 {
            assert!(["cut", "offline"].contains(&code(&said).as_str()), "{}", said.err);
        }
        proxy.cut_up_after(None);
        let report = device.sync();
        assert_eq!(number(&report, "waiting"), 0, "cut after {cut}: {report}");
        assert_eq!(report["refused"], serde_json::json!([]), "cut after {cut}");
    }
    stage.await_visits(visits);
    let fresh = stage.device("b");
    fresh.sync();
    assert_eq!(number(&fresh.run(&["status"]).json(), "visits"), visits as u64);
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    let stage = Stage::new();
    let proxy = Proxy::start(stage.server.address());
    let (device, other) = (device_behind(&stage, &proxy, "a"), stage.device("b"));
    for (round, cut) in [0, 20, 120, 200, 400, 2_000].into_iter().enumerate() {
        device.record(&lines(200 + round as u64, 5)).json();
        other.record(&lines(300 + round as u64, 5)).json();
        other.sync();
        proxy.cut_down_after(Some(cut));
        let said = device.run(&["sync"]);
        if said.code == 1 {
            assert!(["cut", "offline"].contains(&code(&said).as_str()), "{}", said.err);
        }
        proxy.cut_down_after(None);
        let report = device.sync();
        assert_eq!(number(&report, "waiting"), 0, "cut after {cut}: {report}");
    }
    stage.await_visits(60);
    assert_eq!(number(&device.run(&["status"]).json(), "visits"), 60);
    // All is quiet: the device and the server agree on everything.
    assert_eq!(number(&device.sync(), "round_trips"), 1);
}

#[test]
fn nobody_there_is_told_and_costs_nothing() {
    let mut stage = Stage::new();
    let device = stage.device("a");
    device.record(&lines(400, 3)).json();
    stage.server.stop();
    let said = device.run(&["sync"]);
    assert_eq!(code(&said), "offline");
    assert!(said.err.contains("Nothing is lost"), "{}", said.err);
    stage.server.start();
    assert_eq!(number(&device.sync(), "waiting"), 0);
}

/// Answers every request with these bytes.
fn somebody_else(answer: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = vec![0; 64 << 10];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(answer);
        }
    });
    address
}

#[test]
fn somebody_elses_answer_is_no_word_about_the_data() {
    let answers: [&[u8]; 4] = [
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 12\r\n\r\n<html></html",
        b"HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/login\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 7\r\n\r\nwelcome",
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
    ];
    let stage = Stage::new();
    for (number_of, answer) in answers.into_iter().enumerate() {
        // The device was enrolled at a road that now leads somewhere else.
        let proxy = Proxy::start(stage.server.address());
        let device = device_behind(&stage, &proxy, &format!("d{number_of}"));
        device.record(&lines(500 + number_of as u64, 2)).json();
        proxy.lead_to(somebody_else(answer));
        let said = device.run(&["sync"]);
        assert_eq!(code(&said), "not_our_server", "{}", said.err);
        assert!(number(&device.run(&["status"]).json(), "waiting_changes") > 0);
        proxy.lead_to(stage.server.address());
        assert_eq!(number(&device.sync(), "waiting"), 0);
    }
}

#[test]
fn a_server_that_went_away_in_the_middle_is_found_again() {
    let mut stage = Stage::new();
    let (a, b) = (stage.device("a"), stage.device("b"));
    a.record(&lines(600, 30)).json();
    a.sync();
    assert!(stage.server.stop(), "the server ends in peace: {}", stage.server.log());
    stage.server.start();
    assert!(number(&b.sync(), "pulled") > 0);
    eventually("the server answers health checks", || {
        let answer = gandan_tests::api::call(stage.server.address(), "GET", "/healthz", None, None);
        (answer.status == 200).then_some(())
    });
    // The position that the server remembers survived: still one small round trip.
    let report = a.sync();
    assert_eq!(number(&report, "round_trips"), 1);
    assert!(number(&report, "bytes_up") <= 150, "{report}");
}
