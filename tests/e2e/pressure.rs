//! A server that has had enough says when to come back, and devices wait that long.

use crate::stage::{Stage, UNIT, lines, number};
use gandan_client::{Client, Environment, SyncOptions, SyncPhase};
use gandan_tests::processes::{Device, Server, folder};
use std::time::Duration;

#[test]
fn a_device_that_is_told_to_wait_waits_and_loses_nothing() {
    let folder = folder();
    // Two exchanges at once, then one every 15 seconds.
    let server = Server::started_with(&folder.path().join("server"), &["--requests-per-device", "4"]);
    let stage = Stage { server, folder };
    let home = stage.folder.path().join("a");
    let device = Device::enrolled(&home, &stage.server, "a", &[UNIT], stage.server.address());
    device.record(&lines(800, 2)).json();
    let key = std::fs::read_to_string(home.join("key")).unwrap();
    let key = data_encoding::HEXLOWER.decode(key.trim().as_bytes()).unwrap().try_into().unwrap();

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Client::open(&home, key, Environment::native()).unwrap();
        let mut failure = None;
        for _ in 0..4 {
            failure = client.sync_once(SyncOptions::default()).await.err();
            if failure.is_some() {
                break;
            }
        }
        let failure = failure.expect("four exchanges in a moment are two too many");
        assert_eq!(failure.error.code(), "busy");
        let wish = failure.error.retry_after_s().expect("a time to come back");
        assert!((1..=15).contains(&wish), "{wish}");

        // What an app does: exchange in the background.
        let handle = client.sync_in_background(false);
        let mut phase = handle.phase();
        let failed = phase.wait_for(|phase| matches!(phase, SyncPhase::Failed { .. })).await.unwrap().clone();
        let SyncPhase::Failed { code, retry_in, .. } = failed else { unreachable!() };
        assert_eq!(code, "busy");
        // Its own first wait would be a second at most.
        assert!(retry_in > Duration::from_secs(5) && retry_in <= Duration::from_secs(20), "{retry_in:?}");
        handle.stop().await;
        assert!(client.close().unwrap());
    });
    stage.await_visits(2);
    assert_eq!(number(&device.run(&["status"]).json(), "visits"), 2);
}
