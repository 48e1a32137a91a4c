//! One file from one address, written only when its content is right.

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use ureq::{Agent, Timeout};

use super::options::DownloadOptions;
use crate::mnist_folder::gunzip;

/// A file to download as `name.gz`, and what it must decompress to.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) sha256: &'a str,
    pub(super) len: u64,
}

/// The content of `name.gz` from `address`, checked; or what is wrong with the answer.
pub(super) fn fetch(
    agent: &Agent,
    address: &str,
    file: &Wanted<'_>,
    options: &DownloadOptions,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Vec<u8>, String> {
    let response = agent.get(address).call().map_err(|error| reason(&error, options))?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(reason(&ureq::Error::StatusCode(status), options));
    }
    let body = response.into_body();
    let total = body.content_length();
    let mut reader = body.into_reader();
    let (mut buffer, mut received) = (vec![0; 64 * 1024], Vec::new());
    loop {
        progress(received.len() as u64, total);
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
                let reason = reason(&error.into(), options);
                return Err(format!("after {}{of} bytes: {reason}", received.len()));
            }
        };
        received.extend_from_slice(&buffer[..read]);
        if received.len() as u64 > options.max_bytes {
            return Err(format!("sent more than {} bytes; expected fewer", options.max_bytes));
        }
    }
    check(&received, file)?;
    Ok(received)
}

/// Compares the content, decompressed up to the expected length and one byte.
fn check(bytes: &[u8], file: &Wanted<'_>) -> Result<(), String> {
    let mut sha = Sha256::new();
    let found = io::copy(&mut gunzip(bytes).take(file.len + 1), &mut sha)
        .map_err(|error| format!("sent {error}; expected one whole gzip file"))?;
    let expected = file.len;
    if found != expected {
        let more = if found > expected { " or more" } else { "" };
        return Err(format!("sent content of {found} bytes{more}; expected {expected}"));
    }
    let (found, expected) = (format!("{:x}", sha.finalize()), file.sha256);
    if found != expected {
        return Err(format!("sent content of SHA-256 {found}; expected {expected}"));
    }
    Ok(())
}

/// Writes `bytes` to a temporary file beside `target` and renames it, unless `target` exists by
/// then: another download was faster.
pub(super) fn write(bytes: &[u8], target: &Path) -> io::Result<()> {
    let mut prefix = target.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Those of any new file; a temporary one would be its owner's alone.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty());
    let mut part = builder.tempfile_in(dir.unwrap_or(Path::new(".")))?;
    part.write_all(bytes)?;
    // On the disk before it is renamed, so that a crash leaves no incomplete file.
    part.as_file().sync_all()?;
    match part.persist_noclobber(target) {
        Err(late) if late.error.kind() != ErrorKind::AlreadyExists => Err(late.error),
        _ => Ok(()),
    }
}

/// An error of the client, with the limit or the status that was expected.
fn reason(error: &ureq::Error, options: &DownloadOptions) -> String {
    match error {
        ureq::Error::StatusCode(status) => format!("answered HTTP status {status}; expected 200"),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            format!("not reached within {:?}", options.connect_timeout)
        }
        ureq::Error::Timeout(Timeout::PerRead | Timeout::PerWrite) => {
            format!("sent nothing for {:?}", options.stall_timeout)
        }
        ureq::Error::Timeout(Timeout::Global) => {
            format!("not finished within {:?}", options.total_timeout)
        }
        other => other.to_string(),
    }
}
