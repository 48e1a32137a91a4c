//! Downloads of small files from a server on this machine that answers well or badly.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tempfile::{TempDir, tempdir};

use super::*;

const CONTENT: &[u8] = b"what the file decompresses to";

/// A server that calls `answer` for every connection, and the paths requested.
struct Mirror {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Mirror {
    fn new(
        answer: impl Fn(&str, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/mnist/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&requests));
        // It ends with the test program.
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                thread::spawn(move || {
                    let path = read_request(&stream);
                    log.lock().unwrap().push(path.clone());
                    // The client may close the connection early.
                    let _ = answer(&path, &mut stream);
                });
            }
        });
        Self { address, requests }
    }

    /// A mirror that answers every request with these bytes.
    fn answering(response: Vec<u8>) -> Self {
        Self::new(move |_, stream| stream.write_all(&response))
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn read_request(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    request.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn response(status: &str, announced: usize, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn ok(body: &[u8]) -> Vec<u8> {
    response("200 OK", body.len(), body)
}

fn not_found() -> Mirror {
    Mirror::answering(response("404 Not Found", 4, b"gone"))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn options(mirrors: &[&Mirror]) -> DownloadOptions {
    DownloadOptions {
        mirrors: mirrors.iter().map(|mirror| mirror.address.clone()).collect(),
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_secs(5),
        max_bytes: 1000,
        environment_proxy: false,
        ..DownloadOptions::default()
    }
}

fn fetch_named(names: &[&str], dir: &Path, options: &DownloadOptions) -> Result<(), DownloadError> {
    let sha256 = format!("{:x}", Sha256::digest(CONTENT));
    let len = CONTENT.len() as u64;
    let wanted: Vec<_> = names.iter().map(|&name| Wanted { name, sha256: &sha256, len }).collect();
    fetch_all(&wanted, dir, options, &mut |_| {})
}

fn names_in(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Why the one mirror's file was refused; nothing is left behind.
fn refusal_with(options: &DownloadOptions) -> String {
    let dir = tempdir().unwrap();
    let error = fetch_named(&["file"], dir.path(), options).unwrap_err();
    assert_eq!(names_in(&dir), [""; 0]);
    match error {
        DownloadError::Mirrors { file, attempts, .. } => {
            assert_eq!(file, "file.gz");
            assert_eq!(attempts.len(), 1);
            let address = format!("{}/file.gz: ", options.mirrors[0].trim_end_matches('/'));
            attempts[0].strip_prefix(&address).unwrap().to_owned()
        }
        other @ DownloadError::Folder { .. } => panic!("expected an error of the mirror: {other}"),
    }
}

fn refusal(mirror: &Mirror) -> String {
    refusal_with(&options(&[mirror]))
}

#[test]
fn a_file_is_downloaded_with_progress() {
    let body = gzip(CONTENT);
    let total = Some(body.len() as u64);
    let mirror = Mirror::answering(ok(&body));
    let dir = tempdir().unwrap();
    let sha256 = format!("{:x}", Sha256::digest(CONTENT));
    let wanted = [Wanted { name: "file", sha256: &sha256, len: CONTENT.len() as u64 }];
    let mut seen = Vec::new();
    fetch_all(&wanted, dir.path(), &options(&[&mirror]), &mut |progress| {
        assert_eq!((progress.file, progress.mirror), ("file.gz", &mirror.address[..]));
        seen.push((progress.received, progress.total));
    })
    .unwrap();
    assert_eq!(names_in(&dir), ["file.gz"]);
    assert_eq!(fs::read(dir.path().join("file.gz")).unwrap(), body);
    assert_eq!(seen.first(), Some(&(0, total)));
    assert_eq!(seen.last(), Some(&(body.len() as u64, total)));
    assert_eq!(mirror.requests(), ["/mnist/file.gz"]);
}

#[cfg(unix)]
#[test]
fn a_file_has_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;

    let mirror = Mirror::answering(ok(&gzip(CONTENT)));
    let dir = tempdir().unwrap();
    fetch_named(&["file"], dir.path(), &options(&[&mirror])).unwrap();
    fs::write(dir.path().join("other"), b"").unwrap();
    let mode = |name| fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("file.gz"), mode("other"));
}

#[test]
fn existing_files_are_neither_downloaded_nor_changed() {
    let mirror = Mirror::answering(ok(&gzip(CONTENT)));
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("raw"), b"mine").unwrap();
    fs::write(dir.path().join("packed.gz"), b"mine too").unwrap();
    fetch_named(&["raw", "packed", "new"], dir.path(), &options(&[&mirror])).unwrap();
    assert_eq!(names_in(&dir), ["new.gz", "packed.gz", "raw"]);
    assert_eq!(fs::read(dir.path().join("packed.gz")).unwrap(), b"mine too");
    assert_eq!(mirror.requests(), ["/mnist/new.gz"]);
}

#[test]
fn a_mirror_that_works_is_tried_first_for_the_next_file() {
    let (bad, good) = (not_found(), Mirror::answering(ok(&gzip(CONTENT))));
    let dir = tempdir().unwrap().path().join("made/here");
    fetch_named(&["one", "two"], &dir, &options(&[&bad, &good])).unwrap();
    assert!(find_file(&dir, "one").is_some() && find_file(&dir, "two").is_some());
    assert_eq!(bad.requests(), ["/mnist/one.gz"]);
    assert_eq!(good.requests(), ["/mnist/one.gz", "/mnist/two.gz"]);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_error_names_every_address_its_reason_and_what_to_do() {
    let (gone, broken) = (not_found(), Mirror::answering(response("500 Oops", 0, b"")));
    let dir = tempdir().unwrap();
    let error = fetch_named(&["file"], dir.path(), &options(&[&gone, &broken])).unwrap_err();
    assert_eq!(names_in(&dir), [""; 0]);
    let expected = format!(
        "cannot download file.gz:\n  {}file.gz: answered HTTP status 404; expected 200\n  \
         {}file.gz: answered HTTP status 500; expected 200\nexpected MNIST's file",
        gone.address, broken.address
    );
    let text = error.to_string();
    assert!(text.starts_with(&expected), "{text}");
    assert!(text.contains(&format!("into {} yourself", dir.path().display())), "{text}");

    let nobody = fetch_named(&["file"], &dir.path().join("data/new"), &options(&[])).unwrap_err();
    assert_eq!(names_in(&dir), [""; 0], "no empty folders");
    assert!(nobody.to_string().contains("no mirror was given"), "{nobody}");
}

#[test]
fn wrong_content_is_refused() {
    let mut other = CONTENT.to_vec();
    other[0] ^= 1;
    let reason = refusal(&Mirror::answering(ok(&gzip(&other))));
    assert!(reason.starts_with("sent content of SHA-256 "), "{reason}");

    let reason = refusal(&Mirror::answering(ok(&gzip(&CONTENT[1..]))));
    assert_eq!(reason, "sent content of 28 bytes; expected 29");

    // A megabyte of zeros is less than the 1000 bytes allowed when compressed.
    let bomb = gzip(&vec![0; 800 << 10]);
    assert!(bomb.len() < 1000, "{}", bomb.len());
    let reason = refusal(&Mirror::answering(ok(&bomb)));
    assert_eq!(reason, "sent content of 30 bytes or more; expected 29");

    let reason = refusal(&Mirror::answering(ok(b"<html>please log in</html>")));
    assert!(reason.contains("expected one whole gzip file"), "{reason}");

    let reason = refusal(&Mirror::answering(ok(&[gzip(CONTENT), vec![0]].concat())));
    assert!(reason.contains("expected one whole gzip file"), "{reason}");

    let reason = refusal(&Mirror::answering(response("204 No Content", 0, b"")));
    assert!(reason.contains("204"), "{reason}");
}

#[test]
fn an_incomplete_file_is_refused() {
    let body = gzip(CONTENT);
    let reason = refusal(&Mirror::answering(response("200 OK", body.len() + 1, &body)));
    assert!(reason.starts_with(&format!("after {0} of {1} bytes: ", body.len(), body.len() + 1)));

    // Without a length only the checksum can tell.
    let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    let cut = Mirror::answering([&head, &body[..body.len() - 1]].concat());
    assert!(refusal(&cut).contains("expected one whole gzip file"));
}

#[test]
fn an_endless_body_is_refused() {
    let mirror = Mirror::new(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        loop {
            stream.write_all(&[0; 4096])?;
        }
    });
    assert_eq!(refusal(&mirror), "sent more than 1000 bytes; expected fewer");
}

#[test]
fn a_stalled_mirror_times_out() {
    let impatient = |mirror: &Mirror| {
        let stall_timeout = Duration::from_millis(800);
        let start = std::time::Instant::now();
        let reason = refusal_with(&DownloadOptions { stall_timeout, ..options(&[mirror]) });
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        reason
    };
    let in_the_body = Mirror::new(|_, stream| {
        stream.write_all(&response("200 OK", 100, b"0123456789"))?;
        thread::sleep(Duration::from_secs(30));
        Ok(())
    });
    assert_eq!(impatient(&in_the_body), "after 10 of 100 bytes: sent nothing for 800ms");

    let at_once = Mirror::new(|_, _| {
        thread::sleep(Duration::from_secs(30));
        Ok(())
    });
    assert_eq!(impatient(&at_once), "sent nothing for 800ms");
}

#[test]
fn a_slow_mirror_times_out() {
    let mirror = Mirror::new(|_, stream| {
        stream.write_all(&response("200 OK", 100, b""))?;
        for _ in 0..100 {
            stream.write_all(b"0")?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    });
    let total_timeout = Duration::from_millis(500);
    let reason = refusal_with(&DownloadOptions { total_timeout, ..options(&[&mirror]) });
    assert!(reason.ends_with("not finished within 500ms"), "{reason}");
}

#[test]
fn an_unreachable_mirror_is_an_error() {
    // Bound and dropped: nobody listens on that port.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mirrors = vec![format!("http://{address}")];
    let reason = refusal_with(&DownloadOptions { mirrors, ..options(&[]) });
    assert!(reason.contains("refused"), "{reason}");
    let mirrors = vec!["not an address".to_owned()];
    refusal_with(&DownloadOptions { mirrors, ..options(&[]) });
}

#[test]
fn redirects_are_followed_but_loops_are_refused() {
    let good = Mirror::answering(ok(&gzip(CONTENT)));
    let location = format!("{}moved.gz", good.address);
    let moved = Mirror::answering(
        format!(
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .into_bytes(),
    );
    let dir = tempdir().unwrap();
    fetch_named(&["file"], dir.path(), &options(&[&moved])).unwrap();
    assert_eq!(good.requests(), ["/mnist/moved.gz"]);

    let circle = Mirror::answering(
        b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            .to_vec(),
    );
    assert_eq!(refusal(&circle), "too many redirects");
}

#[test]
fn simultaneous_downloads_do_not_interfere() {
    let mirror = Mirror::answering(ok(&gzip(CONTENT)));
    let dir = tempdir().unwrap();
    let options = options(&[&mirror]);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| fetch_named(&["one", "two"], dir.path(), &options).unwrap());
        }
    });
    assert_eq!(names_in(&dir), ["one.gz", "two.gz"]);
    assert_eq!(fs::read(dir.path().join("one.gz")).unwrap(), gzip(CONTENT));
}

#[test]
fn an_unwritable_folder_is_an_error_of_its_own() {
    let mirror = Mirror::answering(ok(&gzip(CONTENT)));
    let dir = tempdir().unwrap();
    let file = dir.path().join("file-not-folder");
    fs::write(&file, b"").unwrap();
    let error = fetch_named(&["one"], &file.join("below"), &options(&[&mirror])).unwrap_err();
    assert!(matches!(error, DownloadError::Folder { .. }), "{error}");
    assert_eq!(mirror.requests(), [""; 0]);
}

#[test]
fn the_files_downloaded_are_mnists() {
    let mirror = not_found();
    let dir = tempdir().unwrap();
    let error = download(dir.path(), &options(&[&mirror]), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("train-images-idx3-ubyte.gz"), "{error}");
    for name in FILE_NAMES {
        fs::write(dir.path().join(name), b"whatever").unwrap();
    }
    download(dir.path(), &options(&[&mirror]), &mut |_| {}).unwrap();
    assert_eq!(mirror.requests().len(), 1);
}
