//! The event file of a run, for TensorBoard: a sequence of protobuf messages (`event.rs`).
//! No maintained crate writes these files.

mod event;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use gan_core::FileError;
use gan_run::{
    ClassNames, MetricsRow, RunDir, RunPaths, TENSORBOARD_EVENTS, Tail, read_limited,
    training_seconds,
};
use prost::Message;
use serde_json::Value;

use self::event::{Event, write_record};
use crate::error::ViewError;
use crate::images::MAX_FILE;

/// An event file that grows with its run.
///
/// It contains the rows and previews that are on disk, each epoch once. A resumed training starts a
/// new file with those that the run has kept.
#[derive(Debug)]
pub struct EventLog {
    paths: RunPaths,
    path: PathBuf,
    file: BufWriter<File>,
    rows: Tail,
    classes: ClassNames,
    last_row: Option<u64>,
    last_preview: Option<u64>,
}

impl EventLog {
    /// Creates the event file of a run that has done `epoch` epochs, with their rows and previews.
    /// Files of earlier processes are removed: they may contain epochs that will be trained again.
    ///
    /// # Errors
    /// When the run cannot be read, or the event file cannot be written.
    pub fn create(paths: &RunPaths, epoch: u64) -> Result<Self, ViewError> {
        let folder = paths.tensorboard();
        fs::create_dir_all(&folder).map_err(FileError::new("create", &folder))?;
        remove_old(&folder).map_err(FileError::new("clear", &folder))?;
        let now = now();
        let path = folder.join(format!("{TENSORBOARD_EVENTS}{:010}.gan-train", now as u64));
        let file = File::create(&path).map_err(FileError::new("create", &path))?;
        let config = RunDir::read_config::<Value>(paths.root());
        let mut log = Self {
            rows: Tail::new(paths.metrics()),
            classes: config.as_ref().map(ClassNames::from_config).unwrap_or_default(),
            paths: paths.clone(),
            path,
            file: BufWriter::new(file),
            last_row: None,
            last_preview: None,
        };
        log.write(&Event::version(now))?;
        log.write_history(epoch, now)?;
        log.flush()?;
        Ok(log)
    }

    /// Writes the rows appended to the metrics since the last call.
    ///
    /// # Errors
    /// When the metrics cannot be read, or the file cannot be written.
    pub fn write_rows(&mut self) -> Result<(), ViewError> {
        for row in self.new_rows()? {
            self.write_row(now(), &row)?;
        }
        self.flush()
    }

    /// Writes the preview of this epoch.
    ///
    /// # Errors
    /// When the preview cannot be read, or the file cannot be written.
    pub fn write_preview(&mut self, epoch: u64) -> Result<(), ViewError> {
        self.write_preview_at(now(), epoch, &self.paths.sample(epoch))?;
        self.flush()
    }

    /// Writes the rows and previews up to `epoch`, in order. Rows record seconds of training, so
    /// the wall times are those of a training without pauses that reaches `epoch` at `now`.
    fn write_history(&mut self, epoch: u64, now: f64) -> Result<(), ViewError> {
        let mut rows = self.new_rows()?;
        rows.retain(|row| row.epoch <= epoch);
        let seconds = training_seconds(&rows);
        let first = now - seconds.last().unwrap_or(&0.0);
        let previews =
            self.paths.sample_files().map_err(FileError::new("read", &self.paths.samples()))?;
        let mut previews = previews.into_iter().filter(|(at, _)| *at <= epoch).peekable();
        let mut time = first;
        for (row, seconds) in rows.iter().zip(seconds) {
            while let Some((epoch, path)) = previews.next_if(|(at, _)| *at < row.epoch) {
                self.write_preview_at(time, epoch, &path)?;
            }
            time = first + seconds;
            self.write_row(time, row)?;
        }
        previews.try_for_each(|(epoch, path)| self.write_preview_at(time, epoch, &path))
    }

    /// The rows that were not written yet: a metrics file that is replaced is read from its start.
    fn new_rows(&mut self) -> Result<Vec<MetricsRow>, ViewError> {
        let rows = self.rows.read().map_err(FileError::new("read", &self.paths.metrics()))?;
        let last = self.last_row;
        Ok(rows.into_iter().filter(|row| Some(row.epoch) > last).collect())
    }

    fn write_row(&mut self, time: f64, row: &MetricsRow) -> Result<(), ViewError> {
        self.last_row = Some(row.epoch);
        let event = Event::row(time, row, &self.classes);
        self.write(&event)
    }

    fn write_preview_at(&mut self, time: f64, epoch: u64, png: &Path) -> Result<(), ViewError> {
        if Some(epoch) <= self.last_preview {
            return Ok(());
        }
        self.last_preview = Some(epoch);
        let bytes = read_limited(png, MAX_FILE).map_err(FileError::new("read", png))?;
        // Other files are ignored.
        Event::preview(time, epoch, bytes).map_or(Ok(()), |event| self.write(&event))
    }

    fn write(&mut self, event: &Event) -> Result<(), ViewError> {
        Ok(write_record(&mut self.file, &event.encode_to_vec())
            .map_err(FileError::new("write", &self.path))?)
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        Ok(self.file.flush().map_err(FileError::new("write", &self.path))?)
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn remove_old(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(TENSORBOARD_EVENTS)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
