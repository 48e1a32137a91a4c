//! Following a metrics file that grows.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::limits::{MAX_METRICS, open_regular};
use crate::metrics::MetricsRow;

/// Returns the new rows of a metrics file.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// Length of what was read.
    end: u64,
    /// The last line that was read; it identifies the file.
    last: Vec<u8>,
}

impl Tail {
    /// Follows the file at `path` from its start; it need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), end: 0, last: Vec::new() }
    }

    /// The rows added since the last call, without an incomplete last line.
    ///
    /// A file that was replaced (a resumed training removes the rows it will repeat) is read from
    /// its start, so callers that keep rows drop those from the first new row's epoch on.
    ///
    /// # Errors
    /// When the file cannot be read; a missing file has no rows.
    pub fn read(&mut self) -> io::Result<Vec<MetricsRow>> {
        let mut file = match open_regular(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.restart();
                return Ok(Vec::new());
            }
            file => file?,
        };
        let mut known = Vec::new();
        file.seek(SeekFrom::Start(self.end - self.last.len() as u64))?;
        file.by_ref().take(self.last.len() as u64).read_to_end(&mut known)?;
        if known != self.last {
            self.restart();
            file.seek(SeekFrom::Start(0))?;
        }
        let mut bytes = Vec::new();
        file.take(MAX_METRICS).read_to_end(&mut bytes)?;
        bytes.truncate(complete_len(&bytes));
        if let Some(line) = bytes.split_inclusive(|byte| *byte == b'\n').next_back() {
            self.last = line.to_vec();
            self.end += bytes.len() as u64;
        }
        Ok(parse_rows(&bytes))
    }

    fn restart(&mut self) {
        (self.end, self.last) = (0, Vec::new());
    }
}

/// Length of the complete lines.
fn complete_len(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// The rows of the complete lines; invalid lines are skipped, as when a training is resumed.
pub(crate) fn parse_rows(bytes: &[u8]) -> Vec<MetricsRow> {
    let lines = bytes[..complete_len(bytes)].split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;

    use super::*;
    use crate::RunDir;
    use crate::metrics::tests::row;

    const NONE: [u64; 0] = [];

    fn epochs(tail: &mut Tail) -> Vec<u64> {
        tail.read().unwrap().iter().map(|row| row.epoch).collect()
    }

    #[test]
    fn each_row_is_returned_once_and_only_when_complete() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let mut tail = Tail::new(run.metrics());
        assert_eq!(epochs(&mut tail), NONE, "no file yet");
        run.append_metrics(&row(20)).unwrap();
        run.append_metrics(&row(40)).unwrap();
        assert_eq!(epochs(&mut tail), [20, 40]);
        assert_eq!(epochs(&mut tail), NONE);

        let line = serde_json::to_string(&row(60)).unwrap();
        let mut file = File::options().append(true).open(run.metrics()).unwrap();
        file.write_all(&line.as_bytes()[..30]).unwrap();
        assert_eq!(epochs(&mut tail), NONE);
        file.write_all(&line.as_bytes()[30..]).unwrap();
        assert_eq!(epochs(&mut tail), NONE, "the line may be incomplete");
        file.write_all(b"\n").unwrap();
        assert_eq!(epochs(&mut tail), [60]);
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_refused_without_waiting_for_a_writer() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(run.metrics()).status();
        assert!(made.unwrap().success());
        let kind = Tail::new(run.metrics()).read().unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::InvalidData);
        assert!(run.rewind_metrics(0, |_| ()).is_err());
    }

    #[test]
    fn a_replaced_file_is_read_from_its_start() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let mut tail = Tail::new(run.metrics());
        for epoch in [20, 40, 60] {
            run.append_metrics(&row(epoch)).unwrap();
        }
        assert_eq!(epochs(&mut tail), [20, 40, 60]);

        run.rewind_metrics(20, |_| ()).unwrap();
        assert_eq!(epochs(&mut tail), [20], "shorter");

        for epoch in [40, 60] {
            run.append_metrics(&row(epoch)).unwrap();
        }
        assert_eq!(epochs(&mut tail), [40, 60]);
        run.rewind_metrics(20, |_| ()).unwrap();
        for epoch in [41, 61] {
            run.append_metrics(&row(epoch)).unwrap();
        }
        assert_eq!(epochs(&mut tail), [20, 41, 61], "as long, with other rows");

        fs::remove_file(run.metrics()).unwrap();
        assert_eq!(epochs(&mut tail), NONE, "gone");
        run.append_metrics(&row(20)).unwrap();
        assert_eq!(epochs(&mut tail), [20]);
    }
}
