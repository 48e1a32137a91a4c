//! The event file of a run, for TensorBoard.
//!
//! No well-kept crate writes these files, and there is little to write: a file is a sequence of
//! framed records (`frame.rs`), each a small protobuf message (`event.rs`).

mod event;
mod frame;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use gan_run::{MetricsRow, RunPaths, Tail};
use prost::Message;
use thiserror::Error;

use self::event::Event;

/// Every reader knows an event file by this part of its name.
const PREFIX: &str = "events.out.tfevents.";

/// An event file that grows with its run.
///
/// It tells what the run has on disk and nothing else, each epoch once: the rows of the metrics
/// that were appended, and the pictures. So a training that is resumed gets a new file, which
/// begins with what is kept of the run.
#[derive(Debug)]
pub struct EventLog {
    paths: RunPaths,
    path: PathBuf,
    file: BufWriter<File>,
    rows: Tail,
    /// The epoch of the last row that was told.
    told: Option<u64>,
    /// The epoch of the last picture that was told.
    shown: Option<u64>,
}

/// Why an event file cannot be written.
#[derive(Debug, Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct LogError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl EventLog {
    /// Begins the file of a run that has done `epoch` epochs with what it has recorded of them;
    /// files of earlier processes are removed, because they may tell of epochs that will be
    /// trained again.
    ///
    /// # Errors
    /// When the run cannot be read, or its folder for events cannot be written.
    pub fn begin(paths: &RunPaths, epoch: u64) -> Result<Self, LogError> {
        let folder = paths.tensorboard();
        fs::create_dir_all(&folder).map_err(error("create", &folder))?;
        remove_old(&folder).map_err(error("clear", &folder))?;
        let now = now();
        let path = folder.join(format!("{PREFIX}{:010}.gan-train", now as u64));
        let file = File::create(&path).map_err(error("create", &path))?;
        let mut log = Self {
            rows: Tail::new(paths.metrics()),
            paths: paths.clone(),
            path,
            file: BufWriter::new(file),
            told: None,
            shown: None,
        };
        log.write(&Event::version(now))?;
        log.tell_the_past(epoch, now)?;
        log.flush()?;
        Ok(log)
    }

    /// Tells the rows that were appended since the last call.
    ///
    /// # Errors
    /// When the metrics cannot be read, or the file cannot be written.
    pub fn rows(&mut self) -> Result<(), LogError> {
        for row in self.new_rows()? {
            self.row(now(), &row)?;
        }
        self.flush()
    }

    /// Tells the picture that was drawn after `epoch` epochs.
    ///
    /// # Errors
    /// When the picture cannot be read, or the file cannot be written.
    pub fn picture(&mut self, epoch: u64) -> Result<(), LogError> {
        self.picture_at(now(), epoch, &self.paths.sample(epoch))?;
        self.flush()
    }

    /// The rows and pictures up to `epoch`, in the order of their epochs. Nobody wrote down when
    /// they were made, only after how many seconds of training: they are laid as if that had
    /// gone on without a pause until `now`.
    fn tell_the_past(&mut self, epoch: u64, now: f64) -> Result<(), LogError> {
        let mut rows = self.new_rows()?;
        rows.retain(|row| row.epoch <= epoch);
        let seconds = seconds(&rows);
        let first = now - seconds.last().unwrap_or(&0.0);
        let drawn = self.paths.drawn().map_err(error("read", &self.paths.samples()))?;
        let mut drawn = drawn.into_iter().filter(|(drawn, _)| *drawn <= epoch).peekable();
        let mut when = first;
        for (row, seconds) in rows.iter().zip(seconds) {
            while let Some((epoch, path)) = drawn.next_if(|(drawn, _)| *drawn < row.epoch) {
                self.picture_at(when, epoch, &path)?;
            }
            when = first + seconds;
            self.row(when, row)?;
        }
        drawn.try_for_each(|(epoch, path)| self.picture_at(when, epoch, &path))
    }

    /// A resumed training writes its metrics anew, which are then read from the beginning:
    /// what was told before is left out.
    fn new_rows(&mut self) -> Result<Vec<MetricsRow>, LogError> {
        let rows = self.rows.read().map_err(error("read", &self.paths.metrics()))?;
        let told = self.told;
        Ok(rows.into_iter().filter(|row| Some(row.epoch) > told).collect())
    }

    fn row(&mut self, wall_time: f64, row: &MetricsRow) -> Result<(), LogError> {
        self.told = Some(row.epoch);
        self.write(&Event::row(wall_time, row))
    }

    fn picture_at(&mut self, wall_time: f64, epoch: u64, png: &Path) -> Result<(), LogError> {
        if Some(epoch) <= self.shown {
            return Ok(());
        }
        self.shown = Some(epoch);
        let bytes = fs::read(png).map_err(error("read", png))?;
        // A file that is no picture was not drawn by a training.
        Event::picture(wall_time, epoch, bytes).map_or(Ok(()), |event| self.write(&event))
    }

    fn write(&mut self, event: &Event) -> Result<(), LogError> {
        let written = frame::write(&mut self.file, &event.encode_to_vec());
        written.map_err(error("write", &self.path))
    }

    fn flush(&mut self) -> Result<(), LogError> {
        self.file.flush().map_err(error("write", &self.path))
    }
}

/// Seconds of training up to each row; each process has counted from zero.
fn seconds(rows: &[MetricsRow]) -> Vec<f64> {
    let (mut before, mut last) = (0.0, 0.0);
    let after = |row: &MetricsRow| {
        if row.seconds < last {
            before += last;
        }
        last = row.seconds;
        before + last
    };
    rows.iter().map(after).collect()
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn remove_old(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(PREFIX)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn error<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> LogError + 'a {
    move |source| LogError { action, path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_several_processes_add_up() {
        let row = |seconds| MetricsRow { seconds, ..MetricsRow::default() };
        let rows = [1.0, 2.0, 0.5, 1.5, 1.0].map(row);
        assert_eq!(seconds(&rows), [1.0, 2.0, 2.5, 3.5, 4.5]);
        assert_eq!(seconds(&[]), [0.0; 0]);
    }
}
