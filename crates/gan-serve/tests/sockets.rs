//! The server by raw sockets: what it gives, what it refuses, and what it puts up with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use gan_serve::{Limits, Listen, Listener, Runs, Server};
use serde_json::Value;
use tempfile::TempDir;

/// After this the server is taken to hang.
const PATIENCE: Duration = Duration::from_mins(1);
const SECRET: &str = "what nobody shall see";

/// A folder with a run, and a server that shows it.
struct Site {
    dir: TempDir,
    address: SocketAddr,
    server: Option<Server>,
}

impl Site {
    fn new() -> Self {
        Self::within(Limits::default())
    }

    fn within(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("runs/0001-mnist-dense");
        fs::create_dir_all(run.join("samples")).unwrap();
        fs::write(dir.path().join("secret.txt"), SECRET).unwrap();
        fs::write(run.join("ckpt.mpk"), SECRET).unwrap();
        fs::write(run.join("config.json"), r#"{"training":{"epochs":100,"lr":0.002}}"#).unwrap();
        fs::write(run.join("metrics.jsonl"), [20, 40].map(row).concat()).unwrap();
        fs::write(run.join("samples/epoch-000040.png"), "ten digits").unwrap();
        // Another program's, which is no run.
        fs::create_dir(dir.path().join("runs/site")).unwrap();
        fs::write(dir.path().join("runs/site/config.json"), r#"{"secret":1}"#).unwrap();

        let runs = Runs::of(&dir.path().join("runs")).unwrap();
        let door = Listener::open(Listen::parse("0", false).unwrap()).unwrap();
        let address = door.address();
        let server = Some(door.serve(runs, limits).unwrap());
        Self { dir, address, server }
    }

    fn run(&self, name: &str) -> PathBuf {
        self.dir.path().join("runs/0001-mnist-dense").join(name)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends these bytes, and reads until the server closes.
    fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        // A server that refuses early may not take all of it.
        let _ = stream.write_all(bytes.as_ref());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn append(&self, text: &str) {
        let file = File::options().append(true).open(self.run("metrics.jsonl"));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }
}

fn row(epoch: u64) -> String {
    let loss = 0.5 + (epoch % 97) as f32 / 100.0;
    format!(
        "{{\"epoch\":{epoch},\"d_loss\":{loss},\"g_loss\":1.0,\"d_real\":0.7,\"d_fake\":0.3,\
         \"seconds\":{epoch}.5}}\n"
    )
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn the_page_and_what_it_shows_are_there() {
    let site = Site::new();
    let page = site.get("/");
    assert_eq!(status(&page), "200");
    assert!(page.contains("<!doctype html>"), "{page}");
    for header in [
        "content-security-policy: default-src 'none'; script-src 'self'",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(page.contains(header), "{header} is not in {page}");
    }
    assert!(!page.to_lowercase().contains("access-control"), "no other page may read this");

    let list = site.json("/api/runs");
    assert_eq!(list["runs"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["runs"][0]["name"], "0001-mnist-dense");
    assert_eq!(list["runs"][0]["state"], "killed");
    assert!(list["words"]["collapse"].as_str().unwrap().contains("mode collapse"));
    let run = site.json("/api/runs/0");
    assert_eq!(run["samples"], serde_json::json!([40]));
    assert_eq!(run["settings"][1], serde_json::json!(["training.lr", "0.002"]));
    let epochs = |path| {
        let rows = site.json(path)["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["epoch"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(epochs("/api/runs/0/rows"), [20, 40]);
    assert_eq!(epochs("/api/runs/0/rows?after=20"), [40]);
    let picture = site.get("/api/runs/0/samples/40");
    assert!(picture.contains("content-type: image/png") && picture.ends_with("ten digits"));
    assert_eq!(status(&site.get("/api/runs/0/samples/20")), "404");
    assert_eq!(status(&site.get("/api/runs/1")), "404");
}

#[test]
fn no_path_leads_out_of_what_is_served() {
    let site = Site::new();
    let api = "/api/runs/0/samples";
    for path in [
        "/../secret.txt".to_owned(),
        "/../../secret.txt".into(),
        "/%2e%2e/secret.txt".into(),
        "/%2e%2e%2fsecret.txt".into(),
        "/..%2f..%2fsecret.txt".into(),
        "/%252e%252e%252fsecret.txt".into(),
        "/..\\..\\secret.txt".into(),
        "/..%5c..%5csecret.txt".into(),
        "/%c0%ae%c0%ae/secret.txt".into(),
        "//etc/passwd".into(),
        "/etc/passwd".into(),
        "/0001-mnist-dense/ckpt.mpk".into(),
        "/api/runs/0/../../secret.txt".into(),
        "/api/runs/0/ckpt.mpk".into(),
        "/api/runs/../runs/0".into(),
        "/api/runs/0001-mnist-dense".into(),
        format!("{api}/../ckpt.mpk"),
        format!("{api}/..%2fckpt.mpk"),
        format!("{api}/%2e%2e%2fckpt.mpk"),
        format!("{api}/40%2f..%2f..%2fckpt.mpk"),
        format!("{api}/40%00"),
        format!("{api}/epoch-000040.png"),
        format!("{api}/{}", "9".repeat(300)),
        site.run("ckpt.mpk").display().to_string(),
        format!("file://{}", site.run("ckpt.mpk").display()),
    ] {
        let answer = site.get(&path);
        assert!(["400", "403", "404"].contains(&status(&answer)), "{path}: {answer}");
        assert!(!answer.contains(SECRET) && !answer.contains("root:"), "{path}: {answer}");
    }
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_run_are_not_followed() {
    use std::os::unix::fs::symlink;
    let site = Site::new();
    let secret = site.dir.path().join("secret.txt");
    symlink(&secret, site.run("samples/epoch-000050.png")).unwrap();
    symlink(&secret, site.run("reals.png")).unwrap();
    symlink("epoch-000040.png", site.run("samples/epoch-000060.png")).unwrap();
    fs::create_dir(site.run("samples/epoch-000070.png")).unwrap();
    for path in ["/api/runs/0/samples/50", "/api/runs/0/reals", "/api/runs/0/samples/70"] {
        let answer = site.get(path);
        assert_eq!(status(&answer), "404", "{path}: {answer}");
        assert!(!answer.contains(SECRET));
    }
    assert!(site.get("/api/runs/0/samples/60").ends_with("ten digits"), "this one stays inside");

    fs::rename(site.run("samples"), site.dir.path().join("elsewhere")).unwrap();
    symlink(site.dir.path().join("elsewhere"), site.run("samples")).unwrap();
    assert_eq!(status(&site.get("/api/runs/0/samples/40")), "404", "the folder leads out");
}

#[test]
fn whoever_asks_for_another_name_is_refused() {
    let site = Site::new();
    let port = site.address.port();
    let ask = |host: &str| {
        site.send(format!("GET /api/runs HTTP/1.1\r\n{host}Connection: close\r\n\r\n"))
    };
    for own in ["localhost", "127.0.0.1", "[::1]", &format!("localhost:{port}"), "127.0.0.1:9"] {
        assert_eq!(status(&ask(&format!("Host: {own}\r\n"))), "200", "{own}");
    }
    for other in ["evil.example", "evil.example:80", "localhost.evil.example", "192.168.0.2", ""] {
        let answer = ask(&format!("Host: {other}\r\n"));
        assert_eq!(status(&answer), "403", "{other}: {answer}");
        assert!(!answer.contains("mnist"), "{answer}");
    }
    assert_eq!(status(&ask("")), "403", "no name at all");
    assert_eq!(status(&ask("Host: localhost\r\nHost: evil.example\r\n")), "403");
    let absolute =
        "GET http://evil.example/api/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&site.send(absolute)), "403");
    assert_eq!(status(&site.send("GET /api/runs HTTP/1.0\r\n\r\n")), "403");
}

#[test]
fn a_request_may_only_read() {
    let site = Site::new();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW"] {
        let answer = site.send(format!(
            "{method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        ));
        assert!(["400", "405"].contains(&status(&answer)), "{method}: {answer}");
    }
    let long = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{}",
        "x".repeat(1 << 20)
    );
    assert_eq!(status(&site.send(long)), "405");
    let head = site.send("HEAD /page.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&head), "200");
    assert!(head.contains("content-length: ") && head.ends_with("\r\n\r\n"), "{head}");
    let head = site
        .send("HEAD /api/events?runs=0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(head.contains("text/event-stream") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn an_overlong_or_senseless_request_is_refused() {
    let site = Site::new();
    let long = "a".repeat(100_000);
    for request in [
        format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(1000)),
        "\0\0\0\0\r\n\r\n".into(),
        "GET\r\n\r\n".into(),
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n".into(),
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n".into(),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}".into(),
    ] {
        let answer = site.send(&request);
        let begin = &request[..request.len().min(40)];
        assert!(answer.is_empty() || status(&answer).starts_with('4'), "{begin:?}: {answer}");
    }
    assert_eq!(status(&site.get("/")), "200", "it is still there");
}

#[test]
fn whoever_does_not_finish_a_request_is_dropped() {
    let site = Site::within(Limits { request: Duration::from_millis(100), ..Limits::default() });
    for begun in ["", "GET / HTTP/1.1\r\nHost: loc", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        // The last one is answered, and then says nothing more.
        let answer = site.send(begun);
        assert_eq!(answer.contains("<!doctype html>"), begun.ends_with("\r\n\r\n"), "{begun:?}");
    }
}

#[test]
fn the_sixty_fifth_connection_is_turned_away() {
    let site = Site::new();
    let hello = "GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut held: Vec<TcpStream> = (0..64)
        .map(|_| {
            let mut stream = site.connect();
            stream.write_all(hello.as_bytes()).unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
            stream
        })
        .collect();
    let answer = site.send("");
    assert_eq!(status(&answer), "503", "{answer}");
    assert!(answer.contains("too many connections"));
    held.pop();
    let begin = Instant::now();
    while status(&site.get("/")) != "200" {
        assert!(begin.elapsed() < PATIENCE, "the place stays taken");
    }
}

#[test]
fn a_slow_reader_is_dropped() {
    let answer = Duration::from_millis(500);
    let site = Site::within(Limits { connections: 1, answer, ..Limits::default() });
    // More than the system keeps for a connection.
    let (size, times) = (4 << 20, 12);
    fs::write(site.run("reals.png"), vec![0; size]).unwrap();
    let mut slow = site.connect();
    let hello = "GET /api/runs/0/reals HTTP/1.1\r\nHost: localhost\r\n\r\n";
    slow.write_all(hello.repeat(times).as_bytes()).unwrap();
    let mut first = [0; 12];
    slow.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    // It has the only place, until it is dropped.
    let begin = Instant::now();
    while status(&site.get("/")) != "200" {
        assert!(begin.elapsed() < PATIENCE, "it is never dropped");
        thread::sleep(Duration::from_millis(10));
    }
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(rest.len() < size * times, "all of it was sent");
}

/// Reads events until one of this name comes.
fn event(lines: &mut impl Iterator<Item = std::io::Result<String>>, name: &str) -> Value {
    loop {
        let line = lines.next().expect("the line is open").unwrap();
        if line == format!("event: {name}") {
            let data = lines.next().unwrap().unwrap();
            return serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        }
    }
}

#[test]
fn news_comes_by_itself() {
    let site = Site::new();
    let mut stream = site.connect();
    stream.write_all(b"GET /api/events?runs=0 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(event(&mut lines, "runs")["runs"][0]["name"], "0001-mnist-dense");
    assert_eq!(event(&mut lines, "run")["state"], "killed");
    let rows = event(&mut lines, "rows");
    assert_eq!((&rows["from"], &rows["rows"]), (&Value::from(40), &Value::Array(vec![])));

    site.append(&row(60));
    let rows = event(&mut lines, "rows");
    assert_eq!((&rows["from"], &rows["rows"][0]["epoch"]), (&40.into(), &60.into()));

    fs::write(site.run("samples/epoch-000060.png"), "").unwrap();
    assert_eq!(event(&mut lines, "run")["samples"], serde_json::json!([40, 60]));

    let lock = File::create(site.run(".lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(event(&mut lines, "run")["state"], "running");
    drop(lock);
    assert_eq!(event(&mut lines, "run")["state"], "killed");

    let kept = site.run("metrics.new");
    fs::write(&kept, [20, 30].map(row).concat()).unwrap();
    fs::rename(kept, site.run("metrics.jsonl")).unwrap();
    assert_eq!(event(&mut lines, "again")["id"], 0, "a resumed run begins behind its end");
    assert_eq!(site.json("/api/runs/0/rows")["rows"][1]["epoch"], 30);

    let second = site.dir.path().join("runs/0002-mnist-dense");
    fs::create_dir(&second).unwrap();
    fs::write(second.join("config.json"), r#"{"training":{"epochs":5}}"#).unwrap();
    assert_eq!(event(&mut lines, "runs")["runs"][1]["name"], "0002-mnist-dense");
}

#[test]
fn a_hundred_thousand_rows_come_as_two_thousand() {
    let site = Site::new();
    let mut text = String::new();
    for epoch in 3..100_003 {
        write!(text, "{}", row(20 * epoch)).unwrap();
    }
    site.append(&text);
    let answer = site.json("/api/runs/0/rows");
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(answer["of"], 100_002);
    assert!((500..=2_000).contains(&rows.len()), "{}", rows.len());
    assert_eq!(rows.last().unwrap()["epoch"], 2_000_040);
    let after = site.json("/api/runs/0/rows?after=2000000");
    assert_eq!((&after["from"], after["rows"].as_array().unwrap().len()), (&2_000_000.into(), 2));
}

#[test]
fn a_server_that_is_dropped_is_gone() {
    let mut site = Site::new();
    let mut stream = site.connect();
    stream.write_all(b"GET /api/events?runs=0 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    event(&mut lines, "run");
    drop(site.server.take());
    assert!(lines.map_while(Result::ok).count() < 100, "the line is cut");
    assert!(TcpStream::connect(site.address).is_err());
}
