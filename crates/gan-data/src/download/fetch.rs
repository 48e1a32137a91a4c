//! One file from one address, kept only when its content is right.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use ureq::{Agent, Timeout};

use super::DownloadOptions;
use crate::files::gunzip;

/// A file to fetch as `name.gz`, and what it must decompress to.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) sha256: &'a str,
    pub(super) len: u64,
}

/// Whether asking another mirror can help.
pub(super) enum Failure {
    Mirror(String),
    Folder(io::Error),
}

/// Fetches `file` from `address` to `target`, whole and checked or not at all.
pub(super) fn fetch(
    agent: &Agent,
    address: &str,
    file: &Wanted<'_>,
    target: &Path,
    options: &DownloadOptions,
    report: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), Failure> {
    let mut part = part_file(target).map_err(Failure::Folder)?;
    receive(agent, address, part.as_file_mut(), options, report)?;
    // What is checked is what was written and what gets the name.
    part.rewind().map_err(Failure::Folder)?;
    check(part.as_file(), file).map_err(Failure::Mirror)?;
    // On the disk before it has the name: a crash may lose the file, not tear it.
    part.as_file().sync_all().map_err(Failure::Folder)?;
    match part.persist_noclobber(target) {
        Ok(_) => Ok(()),
        // Another download was faster; dropping the error removes our file.
        Err(late) if late.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(failed) => Err(Failure::Folder(failed.error)),
    }
}

fn receive(
    agent: &Agent,
    address: &str,
    part: &mut File,
    options: &DownloadOptions,
    report: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), Failure> {
    let response =
        agent.get(address).call().map_err(|error| Failure::Mirror(reason(&error, options)))?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(Failure::Mirror(reason(&ureq::Error::StatusCode(status), options)));
    }
    let body = response.into_body();
    let total = body.content_length();
    let mut reader = body.into_reader();
    let mut buffer = vec![0; 64 * 1024];
    let mut received = 0;
    report(received, total);
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
                let reason = reason(&error.into(), options);
                return Err(Failure::Mirror(format!("after {received}{of} bytes: {reason}")));
            }
        };
        received += read as u64;
        if received > options.max_bytes {
            let limit = options.max_bytes;
            return Err(Failure::Mirror(format!("sent more than {limit} bytes; expected fewer")));
        }
        part.write_all(&buffer[..read]).map_err(Failure::Folder)?;
        report(received, total);
    }
}

/// Compares the content, decompressed up to the expected length and one byte.
fn check(part: &File, file: &Wanted<'_>) -> Result<(), String> {
    let mut sha = Sha256::new();
    let found = io::copy(&mut gunzip(part).take(file.len + 1), &mut sha)
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

/// A file of its own beside `target`, which goes away unless it is renamed.
fn part_file(target: &Path) -> io::Result<NamedTempFile> {
    let mut prefix = target.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets; a temporary one would be its owner's alone.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty());
    builder.tempfile_in(dir.unwrap_or(Path::new(".")))
}

/// An error of the client, with the limit or the status that was expected.
fn reason(error: &ureq::Error, options: &DownloadOptions) -> String {
    match error {
        ureq::Error::StatusCode(status) => format!("answered HTTP status {status}; expected 200"),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            format!("not reached within {:?}", options.connect_timeout)
        }
        ureq::Error::Timeout(Timeout::PerRead | Timeout::PerWrite) => {
            format!("nothing came for {:?}", options.stall_timeout)
        }
        ureq::Error::Timeout(Timeout::Global) => {
            format!("not finished within {:?}", options.total_timeout)
        }
        other => other.to_string(),
    }
}
