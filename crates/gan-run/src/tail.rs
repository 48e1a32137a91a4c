//! Rows of a metrics file that grows, as they come.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::metrics::MetricsRow;

/// Follows a metrics file.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// Where the rows end that were told.
    end: u64,
    /// The last line that was told, by which the file is known again.
    last: Vec<u8>,
}

impl Tail {
    /// Follows the file at `path` from its beginning; it need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), end: 0, last: Vec::new() }
    }

    /// The rows that were added since the last call; a row that is half written comes next time.
    ///
    /// A file that became another one (a resumed training drops the rows that it will do again)
    /// is told from its beginning. So whoever keeps rows drops those from the first new one's
    /// epoch on.
    ///
    /// # Errors
    /// When the system refuses; a missing file is an empty one.
    pub fn read(&mut self) -> io::Result<Vec<MetricsRow>> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.begin_again();
                return Ok(Vec::new());
            }
            file => file?,
        };
        let mut known = Vec::new();
        file.seek(SeekFrom::Start(self.end - self.last.len() as u64))?;
        file.by_ref().take(self.last.len() as u64).read_to_end(&mut known)?;
        if known != self.last {
            self.begin_again();
            file.seek(SeekFrom::Start(0))?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        bytes.truncate(whole(&bytes));
        if let Some(line) = bytes.split_inclusive(|byte| *byte == b'\n').next_back() {
            self.last = line.to_vec();
            self.end += bytes.len() as u64;
        }
        Ok(whole_rows(&bytes))
    }

    fn begin_again(&mut self) {
        (self.end, self.last) = (0, Vec::new());
    }
}

/// How many bytes belong to lines that are written to their end.
fn whole(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// The rows among lines that are written to their end; a line that is none is passed over, as
/// it is when a training is resumed.
pub(crate) fn whole_rows(bytes: &[u8]) -> Vec<MetricsRow> {
    let lines = bytes[..whole(bytes)].split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    use crate::RunDir;
    use crate::metrics::tests::row;

    const NONE: [u64; 0] = [];

    fn epochs(tail: &mut Tail) -> Vec<u64> {
        tail.read().unwrap().iter().map(|row| row.epoch).collect()
    }

    #[test]
    fn rows_are_told_once_and_a_half_written_one_when_it_is_whole() {
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
        assert_eq!(epochs(&mut tail), NONE, "a number might go on");
        file.write_all(b"\n").unwrap();
        assert_eq!(epochs(&mut tail), [60]);
    }

    #[test]
    fn a_file_that_became_another_is_told_from_its_beginning() {
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
