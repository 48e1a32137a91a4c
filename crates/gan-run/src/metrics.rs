//! The record of a run's losses, `metrics.jsonl`: every epoch once, in order.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};

use crate::run_dir::{RunDir, RunDirError, io};
use crate::warning::Warning;

/// The longest line that is read: many times what a row takes.
const MAX_LINE: u64 = 1 << 16;

/// One line of `metrics.jsonl`; the default is of zeros.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// Epochs done.
    pub epoch: u64,
    /// Binary cross-entropy of the discriminator.
    pub d_loss: f32,
    /// The generator's objective.
    pub g_loss: f32,
    /// Mean probability that the batch's real images are real.
    pub d_real: f32,
    /// Mean probability that the batch's generated images are real.
    pub d_fake: f32,
    /// Variance of the generated images over that of the real ones.
    #[serde(default)]
    pub spread: f32,
    /// Share of the generated pixels at an end of tanh's range.
    #[serde(default)]
    pub saturated: f32,
    /// Share of the discriminator's hidden units that tell no two images apart by their sign.
    #[serde(default)]
    pub idle: f32,
    /// How good the pictures are, in the rows where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// What was found to go wrong, in the row where it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Warning>,
    /// Seconds of training since this process began it; a clock's, so it does not repeat.
    pub seconds: f64,
}

/// What every row has.
#[derive(Deserialize)]
struct Epoch {
    epoch: u64,
}

/// What is measured of the averaged generator's pictures, against as many test images; of
/// the Fréchet distance, against all. Figures compare within runs of the same count and ruler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Pictures measured.
    pub count: usize,
    /// Fréchet distance; less is better. With few pictures it comes out too large.
    pub frechet: f64,
    /// Share of the pictures that lie among real images.
    pub precision: f64,
    /// Share of the real images that lie among the pictures.
    pub recall: f64,
    /// Pictures' density among real images, as a part of what is to be expected.
    pub density: f64,
    /// Share of the real images that have a picture near.
    pub coverage: f64,
    /// Classifier score, from 1 to the number of classes.
    pub score: f64,
    /// Mean probability of the likeliest class.
    pub confidence: f64,
    /// How much pictures of a class differ, real ones being at 1.
    pub diversity: f64,
    /// Share of each class.
    pub shares: Vec<f64>,
    /// Classes of which there is less than a tenth of an equal share.
    pub missing: Vec<usize>,
}

/// The row of the least Fréchet distance, the first of equals; of those that were measured by as
/// many pictures as the last one, for others do not compare.
#[must_use]
pub fn best_measured(rows: &[MetricsRow]) -> Option<&MetricsRow> {
    let measured = || rows.iter().filter_map(|row| Some((row, row.quality.as_ref()?)));
    let count = measured().next_back()?.1.count;
    let alike = measured().filter(|(_, quality)| quality.count == count);
    alike.min_by(|a, b| a.1.frechet.total_cmp(&b.1.frechet)).map(|(row, _)| row)
}

impl RunDir {
    /// Adds a row to the metrics.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn append_metrics(&self, row: &MetricsRow) -> Result<(), RunDirError> {
        let path = self.metrics();
        let write = || {
            let mut line = serde_json::to_vec(row)?;
            line.push(b'\n');
            OpenOptions::new().create(true).append(true).open(&path)?.write_all(&line)
        };
        write().map_err(io("write", &path))
    }

    /// Waits until all rows are on the disk: a checkpoint that is there has its rows, whatever
    /// happens.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync_metrics(&self) -> Result<(), RunDirError> {
        let path = self.metrics();
        let sync = || OpenOptions::new().append(true).open(&path)?.sync_data();
        sync().map_err(io("write", &path))
    }

    /// Begins the metrics, or drops the rows after `epoch` and a last one that a crash
    /// cut short: the epochs they tell of will be trained again. Each row that stays is told.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn rewind_metrics(
        &self,
        epoch: u64,
        mut kept_row: impl FnMut(&MetricsRow),
    ) -> Result<(), RunDirError> {
        let path = self.metrics();
        let mut rewind = || {
            let file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return File::create_new(&path).map(drop);
                }
                file => BufReader::new(file?),
            };
            gan_core::atomic_file::write_with(&path, |kept| {
                let (mut file, mut line) = (file, Vec::new());
                loop {
                    line.clear();
                    if file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
                        return Ok(());
                    }
                    // A torn line, or one that is too long and so in pieces, is no row; and a row
                    // is known by its epoch, whatever else it says or does not.
                    let of = serde_json::from_slice::<Epoch>(&line).map_or(u64::MAX, |of| of.epoch);
                    if of <= epoch {
                        if let Ok(row) = serde_json::from_slice(&line) {
                            kept_row(&row);
                        }
                        kept.write_all(line.trim_ascii_end())?;
                        kept.write_all(b"\n")?;
                    }
                }
            })
        };
        rewind().map_err(io("write", &path))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use super::*;

    pub fn row(epoch: u64) -> MetricsRow {
        MetricsRow {
            epoch,
            d_loss: 0.5,
            g_loss: 1.0,
            d_real: 0.7,
            d_fake: 0.3,
            spread: 1.1,
            seconds: 1.0,
            ..MetricsRow::default()
        }
    }

    #[test]
    fn rewinding_keeps_the_rows_up_to_an_epoch_and_drops_a_torn_one() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        run.rewind_metrics(7, |_| ()).unwrap();
        assert_eq!(fs::read(run.metrics()).unwrap(), b"", "begun");
        for epoch in [20, 40, 60] {
            run.append_metrics(&row(epoch)).unwrap();
        }
        let whole = fs::read_to_string(run.metrics()).unwrap();
        fs::write(run.metrics(), format!("{whole}{{\"epoch\":8")).unwrap();
        let mut told = Vec::new();
        run.rewind_metrics(40, |row| told.push(row.epoch)).unwrap();
        assert_eq!(told, [20, 40]);
        let kept = fs::read_to_string(run.metrics()).unwrap();
        let epochs: Vec<u64> = kept
            .lines()
            .map(|line| serde_json::from_str::<MetricsRow>(line).unwrap().epoch)
            .collect();
        assert_eq!(epochs, [20, 40]);
    }

    #[test]
    fn the_best_is_of_those_that_compare_with_the_last() {
        let measured = |epoch, count, frechet| {
            let quality = Quality { count, frechet, ..Quality::default() };
            MetricsRow { quality: Some(quality), ..row(epoch) }
        };
        let mut rows = vec![row(20), measured(40, 100, 5.0), measured(60, 100, 4.0), row(80)];
        assert_eq!(best_measured(&rows), Some(&rows[2]));
        rows.extend([measured(100, 200, 6.0), measured(120, 200, 6.0), row(140)]);
        assert_eq!(best_measured(&rows), Some(&rows[4]), "of equals the first");
        assert_eq!(best_measured(&rows[..1]), None);
    }

    #[test]
    fn rewinding_keeps_a_row_that_says_more_or_less_than_ours() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let rows = "{\"epoch\":20,\"d_loss\":null}\n{\"epoch\":40,\"more\":[1,2]}\n";
        fs::write(run.metrics(), rows).unwrap();
        run.rewind_metrics(40, |row| panic!("{row:?} is not whole")).unwrap();
        assert_eq!(fs::read_to_string(run.metrics()).unwrap(), rows);
    }
}
