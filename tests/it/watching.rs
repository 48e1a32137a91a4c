//! `gan-watch` and `gan-train --serve`: the addresses they serve.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::util::{GAN_WATCH, Place};

const TWO: &str = "--epochs 40 --quiet --out";

fn get(address: &str, path: &str) -> String {
    let host = address.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    String::from_utf8_lossy(&response).into_owned()
}

#[test]
fn a_folder_of_runs_is_served_until_ctrl_c() {
    let place = Place::new();
    place.train(&format!("{TWO} runs/0001-a")).ok();
    place.train(&format!("{TWO} runs/0002-b")).ok();
    let mut watch = place.start_program(GAN_WATCH, "--serve 0");
    let address = watch.prints("http://127.0.0.1:");
    let list = get(&address, "/api/runs");
    assert!(list.contains("0001-a") && list.contains("0002-b"), "{list}");
    assert!(list.contains(r#""state":"done""#), "{list}");
    assert!(get(&address, "/api/runs/1/samples/0").contains("image/png"));
    assert!(get(&address, "/").contains("<!doctype html>"));
    #[cfg(unix)]
    assert_eq!(watch.signal("INT").code, None, "ended by the signal");
}

#[test]
fn an_error_explains_what_cannot_be_served() {
    let place = Place::new();
    let watch = |args: &str| place.run(GAN_WATCH, args.split_whitespace());
    watch("").fails(1, &["runs", "folder of runs"]);
    place.write("runs/notes.txt", "");
    watch("runs --serve here").fails(2, &["--serve", "\"here\"", "127.0.0.1:8787"]);
    watch("runs --serve 0.0.0.0:0").fails(2, &["other machines", "--serve-anyone"]);
    watch("runs --serve-anyone").fails(2, &["--serve "]);
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap();
    watch(&format!("runs --serve {taken}")).fails(1, &[&taken.to_string(), "choose another port"]);

    // A training does not start if its page cannot be served.
    place.train(&format!("{TWO} run --serve {taken}")).fails(1, &[&taken.to_string()]);
    place.train(&format!("{TWO} run --serve 0.0.0.0:0")).fails(2, &["--serve-anyone"]);
    assert!(!place.path("run").exists());
}

#[test]
fn serving_a_public_address_is_warned_of() {
    let place = Place::new();
    place.write("runs/notes.txt", "");
    let mut watch = place.start_program(GAN_WATCH, "--serve 0.0.0.0:0 --serve-anyone");
    assert!(watch.logs("warning: ").contains("anyone who can reach 0.0.0.0:"));
}

#[test]
fn a_default_address_in_use_is_replaced_with_a_warning() {
    // In use, by this test or another program.
    let _held = TcpListener::bind("127.0.0.1:8787");
    let place = Place::new();
    let training = place.train(&format!("{TWO} run --serve")).ok();
    let expected = "warning: 127.0.0.1:8787 is in use; the page is at http://127.0.0.1:87";
    assert!(training.stderr.starts_with(expected), "{}", training.stderr);
}

#[test]
fn a_training_serves_its_run_and_the_other_runs() {
    let place = Place::new();
    place.train(&format!("{TWO} runs/0001-a")).ok();
    let mut training = place.start("--epochs 1000000 --serve 0 --out runs/0002-b");
    let address = training.logs("http://");
    let address = address.split_whitespace().last().unwrap();
    training.until(|| !place.rows("runs/0002-b").is_empty());
    let list = get(address, "/api/runs");
    assert!(list.contains(r#""focus":1"#) && list.contains("0001-a"), "{list}");
    assert!(list.contains(r#""state":"running""#), "{list}");
    assert!(get(address, "/api/runs/1/rows").contains(r#""epoch":20"#));
}
