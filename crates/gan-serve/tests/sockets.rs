//! The server over raw sockets: what it serves, what it refuses, and its limits.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use gan_serve::{Limits, ListenAddress, Listener, Runs, Server};
use serde_json::Value;
use tempfile::TempDir;

/// After this the server is considered to hang.
const TIMEOUT: Duration = Duration::from_mins(1);
const SECRET: &str = "a secret";

/// A folder with a run, and a server of it.
struct Site {
    dir: TempDir,
    address: SocketAddr,
    server: Option<Server>,
}

impl Site {
    fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    fn with_limits(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("runs/0001-mnist-dense");
        fs::create_dir_all(run.join("samples")).unwrap();
        fs::write(dir.path().join("secret.txt"), SECRET).unwrap();
        fs::write(run.join("ckpt.mpk"), SECRET).unwrap();
        fs::write(run.join("config.json"), r#"{"training":{"epochs":100,"lr":0.002}}"#).unwrap();
        fs::write(run.join("metrics.jsonl"), [20, 40].map(row).concat()).unwrap();
        fs::write(run.join("samples/epoch-000040.png"), "an image").unwrap();
        // Of another program, not a run.
        fs::create_dir(dir.path().join("runs/site")).unwrap();
        fs::write(dir.path().join("runs/site/config.json"), r#"{"secret":1}"#).unwrap();

        let runs = Runs::in_folder(&dir.path().join("runs")).unwrap();
        let listener = Listener::bind(ListenAddress::parse("0", false).unwrap()).unwrap();
        let address = listener.address();
        let server = Some(listener.serve(runs, limits).unwrap());
        Self { dir, address, server }
    }

    fn run(&self, name: &str) -> PathBuf {
        self.dir.path().join("runs/0001-mnist-dense").join(name)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TIMEOUT)).unwrap();
        stream
    }

    /// Sends these bytes, and reads until the server closes the connection.
    fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        // The server may refuse before it has read everything.
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
fn the_page_and_its_data_are_served() {
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
    assert!(!page.to_lowercase().contains("access-control"), "no other origin may read this");

    let list = site.json("/api/runs");
    assert_eq!(list["runs"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["runs"][0]["name"], "0001-mnist-dense");
    assert_eq!(list["runs"][0]["state"], "killed");
    assert!(list["words"]["collapse"].as_str().unwrap().contains("mode collapse"));
    let run = site.json("/api/runs/0");
    assert_eq!(
        (&run["image"], &run["classes"]),
        (&Value::Null, &Value::Null),
        "not in its settings"
    );
    assert_eq!(run["samples"], serde_json::json!([40]));
    assert_eq!(run["settings"][1], serde_json::json!(["training.lr", "0.002"]));
    let epochs = |path| {
        let rows = site.json(path)["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["epoch"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(epochs("/api/runs/0/rows"), [20, 40]);
    assert_eq!(epochs("/api/runs/0/rows?after=20"), [40]);
    let image = site.get("/api/runs/0/samples/40");
    assert!(image.contains("content-type: image/png") && image.ends_with("an image"));
    assert_eq!(status(&site.get("/api/runs/0/samples/20")), "404");
    assert_eq!(status(&site.get("/api/runs/1")), "404");

    // As a resume from epoch 0 does.
    File::create(site.run("metrics.jsonl")).unwrap();
    assert_eq!(epochs("/api/runs/0/rows"), [0; 0]);
    assert_eq!(site.json("/api/runs")["runs"][0]["epochs"], 0);
}

#[test]
fn paths_outside_the_run_are_rejected() {
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
fn links_out_of_the_run_are_not_followed() {
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
    assert!(site.get("/api/runs/0/samples/60").ends_with("an image"), "a link inside the run");

    fs::rename(site.run("samples"), site.dir.path().join("elsewhere")).unwrap();
    symlink(site.dir.path().join("elsewhere"), site.run("samples")).unwrap();
    assert_eq!(status(&site.get("/api/runs/0/samples/40")), "404", "the folder is a link");
}

#[test]
fn other_host_names_are_refused() {
    let site = Site::new();
    let port = site.address.port();
    let request = |host: &str| {
        site.send(format!("GET /api/runs HTTP/1.1\r\n{host}Connection: close\r\n\r\n"))
    };
    for own in ["localhost", "127.0.0.1", "[::1]", &format!("localhost:{port}"), "127.0.0.1:9"] {
        assert_eq!(status(&request(&format!("Host: {own}\r\n"))), "200", "{own}");
    }
    for other in ["evil.example", "evil.example:80", "localhost.evil.example", "192.168.0.2", ""] {
        let answer = request(&format!("Host: {other}\r\n"));
        assert_eq!(status(&answer), "403", "{other}: {answer}");
        assert!(!answer.contains("mnist"), "{answer}");
    }
    assert_eq!(status(&request("")), "403", "no host");
    assert_eq!(status(&request("Host: localhost\r\nHost: evil.example\r\n")), "403");
    let absolute =
        "GET http://evil.example/api/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&site.send(absolute)), "403");
    assert_eq!(status(&site.send("GET /api/runs HTTP/1.0\r\n\r\n")), "403");
}

#[test]
fn only_get_and_head_are_allowed() {
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
fn overlong_and_invalid_requests_are_refused() {
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
        let start = &request[..request.len().min(40)];
        assert!(answer.is_empty() || status(&answer).starts_with('4'), "{start:?}: {answer}");
    }
    assert_eq!(status(&site.get("/")), "200", "the server still runs");
}

#[test]
fn incomplete_requests_time_out() {
    let site =
        Site::with_limits(Limits { request: Duration::from_millis(100), ..Limits::default() });
    for part in ["", "GET / HTTP/1.1\r\nHost: loc", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        // The last one is complete; its connection times out afterwards.
        let answer = site.send(part);
        assert_eq!(answer.contains("<!doctype html>"), part.ends_with("\r\n\r\n"), "{part:?}");
    }
}

#[test]
fn connections_over_the_limit_are_rejected() {
    let site = Site::new();
    let request = "GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut held: Vec<TcpStream> = (0..64)
        .map(|_| {
            let mut stream = site.connect();
            stream.write_all(request.as_bytes()).unwrap();
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
        assert!(begin.elapsed() < TIMEOUT, "the connection is not released");
    }
}

#[test]
fn a_slow_reader_is_disconnected() {
    let response = Duration::from_millis(500);
    let site = Site::with_limits(Limits { connections: 1, response, ..Limits::default() });
    // More than the system buffers for a connection.
    let (size, times) = (4 << 20, 12);
    fs::write(site.run("reals.png"), vec![0; size]).unwrap();
    let mut slow = site.connect();
    let request = "GET /api/runs/0/reals HTTP/1.1\r\nHost: localhost\r\n\r\n";
    slow.write_all(request.repeat(times).as_bytes()).unwrap();
    let mut first = [0; 12];
    slow.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    // It occupies the only connection until the write time-out.
    let begin = Instant::now();
    while status(&site.get("/")) != "200" {
        assert!(begin.elapsed() < TIMEOUT, "it is never disconnected");
        thread::sleep(Duration::from_millis(10));
    }
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(rest.len() < size * times, "all of it was sent");
}

/// Reads events until one with this name.
fn event(lines: &mut impl Iterator<Item = std::io::Result<String>>, name: &str) -> Value {
    loop {
        let line = lines.next().expect("the connection is open").unwrap();
        if line == format!("event: {name}") {
            let data = lines.next().unwrap().unwrap();
            return serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        }
    }
}

#[test]
fn changes_are_sent_as_events() {
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
    assert_eq!(event(&mut lines, "again")["id"], 0, "the rows of a resumed run are replaced");
    assert_eq!(site.json("/api/runs/0/rows")["rows"][1]["epoch"], 30);

    let second = site.dir.path().join("runs/0002-mnist-dense");
    fs::create_dir(&second).unwrap();
    fs::write(second.join("config.json"), r#"{"training":{"epochs":5}}"#).unwrap();
    assert_eq!(event(&mut lines, "runs")["runs"][1]["name"], "0002-mnist-dense");
}

#[test]
fn a_hundred_thousand_rows_are_downsampled_to_two_thousand() {
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
fn a_dropped_server_closes_its_connections() {
    let mut site = Site::new();
    let mut stream = site.connect();
    stream.write_all(b"GET /api/events?runs=0 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    event(&mut lines, "run");
    drop(site.server.take());
    assert!(lines.map_while(Result::ok).count() < 100, "the connection is closed");
    assert!(TcpStream::connect(site.address).is_err());
}
