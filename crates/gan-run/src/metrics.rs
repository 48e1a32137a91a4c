//! The metrics of a run, `metrics.jsonl`: each epoch once, in order.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};

use gan_core::FileError;
use serde::{Deserialize, Serialize};

use crate::limits::open_regular;
use crate::run_dir::{RunDir, RunDirError};
use crate::warning::Warning;

/// The longest line that is read; rows are far shorter.
const MAX_LINE: u64 = 1 << 16;

/// One line of `metrics.jsonl`; the default is of zeros.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// Epochs done.
    pub epoch: u64,
    /// The discriminator's loss.
    pub d_loss: f32,
    /// The generator's objective.
    pub g_loss: f32,
    /// Mean probability of "real" that the discriminator outputs for real images.
    pub d_real: f32,
    /// Mean probability of "real" that the discriminator outputs for samples.
    pub d_fake: f32,
    /// Variance of the samples divided by that of the real images.
    #[serde(default)]
    pub spread: f32,
    /// Share of the samples' pixels at an end of tanh's range.
    #[serde(default)]
    pub saturated: f32,
    /// Share of the discriminator's hidden units with the same sign for every image of the batch.
    #[serde(default)]
    pub idle: f32,
    /// Quality of the samples, in the rows where they were evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// A failure, in the row that first shows it.
    #[serde(default, rename = "finding", skip_serializing_if = "Option::is_none")]
    pub warning: Option<Warning>,
    /// Seconds since this process started or resumed the training; not reproducible.
    pub seconds: f64,
}

impl MetricsRow {
    /// The kernel distance of the samples, in the rows that have one.
    pub fn kernel_distance(&self) -> Option<f64> {
        self.quality.as_ref()?.kernel_distance
    }

    /// The measures of samples that were asked for by class, in the rows that have them.
    pub fn asked(&self) -> Option<&AskedQuality> {
        self.quality.as_ref()?.asked.as_deref()
    }
}

/// The one field that every row must have.
#[derive(Deserialize)]
struct Epoch {
    epoch: u64,
}

/// Measures of samples of the averaged generator against as many test images; both distances
/// against all of them. Comparable only with the same feature extractor and, but for the kernel
/// distance, the same count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Number of samples.
    pub count: usize,
    /// Fréchet distance; lower is better. Biased upwards when there are few samples.
    pub frechet: f64,
    /// Kernel distance (KID); lower is better. Rows of earlier versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_distance: Option<f64>,
    /// Share of the samples within the manifold of real images.
    pub precision: f64,
    /// Share of the real images within the manifold of samples.
    pub recall: f64,
    /// Density of samples around real images, divided by its expected value.
    pub density: f64,
    /// Share of the real images with a sample among their nearest neighbours.
    pub coverage: f64,
    /// Measures of the classes, if the feature extractor has any.
    #[serde(flatten)]
    pub classes: Option<ClassQuality>,
    /// Measures of samples that were asked for by class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<AskedQuality>>,
}

/// Measures of samples that were asked for by class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AskedQuality {
    /// Share that is classified as the class asked for.
    pub share: f64,
    /// The same for each class; 1 for a class that was not asked for.
    pub by_class: Vec<f64>,
    /// Mean Fréchet distance over the classes, of the samples asked for to real images; biased upwards
    /// when there are few samples.
    pub frechet: f64,
    /// Diversity of the samples of each class, divided by that of its real images; 1 if it is unknown.
    pub diversity: Vec<f64>,
    /// How many samples asked for each class, a row, are classified as each class; empty for many
    /// classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<u32>,
}

/// Measures of the classes of samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassQuality {
    /// Classifier score, from 1 to the number of classes.
    pub score: f64,
    /// Mean probability of the most likely class.
    pub confidence: f64,
    /// Diversity of the samples within a class, divided by that of real images.
    pub diversity: f64,
    /// Share of each class.
    pub shares: Vec<f64>,
    /// Classes with less than a tenth of an equal share.
    pub missing: Vec<usize>,
}

/// The row with the lowest Fréchet distance, the first of equals, among those evaluated with as
/// many samples as the last one; others are not comparable.
pub fn best_measured(rows: &[MetricsRow]) -> Option<&MetricsRow> {
    let measured = || rows.iter().filter_map(|row| Some((row, row.quality.as_ref()?)));
    let count = measured().next_back()?.1.count;
    let comparable = measured().filter(|(_, quality)| quality.count == count);
    comparable.min_by(|a, b| a.1.frechet.total_cmp(&b.1.frechet)).map(|(row, _)| row)
}

/// The row with the lowest kernel distance, the first of equals, whatever its number of samples.
pub fn lowest_kernel_distance(rows: &[MetricsRow]) -> Option<(&MetricsRow, f64)> {
    let measured = |row| Some((row, MetricsRow::kernel_distance(row)?));
    rows.iter().filter_map(measured).min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Seconds of training up to each row. Each process counts from zero, so a decrease marks a
/// resumed training.
pub fn training_seconds(rows: &[MetricsRow]) -> Vec<f64> {
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

impl RunDir {
    /// Appends a row to the metrics.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append_metrics(&self, row: &MetricsRow) -> Result<(), RunDirError> {
        let path = self.metrics();
        let write = || {
            let mut line = serde_json::to_vec(row)?;
            line.push(b'\n');
            OpenOptions::new().create(true).append(true).open(&path)?.write_all(&line)
        };
        Ok(write().map_err(FileError::new("write", &path))?)
    }

    /// Syncs the metrics to disk, so that a checkpoint never exists without its rows.
    ///
    /// # Errors
    /// When the file cannot be synced.
    pub fn sync_metrics(&self) -> Result<(), RunDirError> {
        let path = self.metrics();
        let sync = || OpenOptions::new().append(true).open(&path)?.sync_data();
        Ok(sync().map_err(FileError::new("write", &path))?)
    }

    /// Creates the metrics, or removes the rows after `epoch` and incomplete lines: those epochs
    /// will be trained again. `kept_row` is called with each row that stays.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn rewind_metrics(
        &self,
        epoch: u64,
        mut kept_row: impl FnMut(&MetricsRow),
    ) -> Result<(), RunDirError> {
        let path = self.metrics();
        let mut rewind = || {
            let file = match open_regular(&path) {
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
                    // Incomplete and overlong lines are dropped. A row needs no field but its
                    // epoch: another version may have written it.
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
        Ok(rewind().map_err(FileError::new("write", &path))?)
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
    fn rewinding_keeps_the_rows_up_to_an_epoch_and_drops_an_incomplete_one() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        run.rewind_metrics(7, |_| ()).unwrap();
        assert_eq!(fs::read(run.metrics()).unwrap(), b"", "created");
        for epoch in [20, 40, 60] {
            run.append_metrics(&row(epoch)).unwrap();
        }
        let whole = fs::read_to_string(run.metrics()).unwrap();
        fs::write(run.metrics(), format!("{whole}{{\"epoch\":8")).unwrap();
        let mut kept_rows = Vec::new();
        run.rewind_metrics(40, |row| kept_rows.push(row.epoch)).unwrap();
        assert_eq!(kept_rows, [20, 40]);
        let kept = fs::read_to_string(run.metrics()).unwrap();
        let epochs: Vec<u64> = kept
            .lines()
            .map(|line| serde_json::from_str::<MetricsRow>(line).unwrap().epoch)
            .collect();
        assert_eq!(epochs, [20, 40]);
    }

    #[test]
    fn seconds_of_several_processes_add_up() {
        let row = |seconds| MetricsRow { seconds, ..MetricsRow::default() };
        let rows = [1.0, 2.0, 0.5, 1.5, 1.0].map(row);
        assert_eq!(training_seconds(&rows), [1.0, 2.0, 2.5, 3.5, 4.5]);
        assert_eq!(training_seconds(&[]), [0.0; 0]);
    }

    #[test]
    fn the_best_row_is_comparable_with_the_last() {
        let measured = |epoch, count, frechet| {
            let quality = Quality { count, frechet, ..Quality::default() };
            MetricsRow { quality: Some(quality), ..row(epoch) }
        };
        let mut rows = vec![row(20), measured(40, 100, 5.0), measured(60, 100, 4.0), row(80)];
        assert_eq!(best_measured(&rows), Some(&rows[2]));
        rows.extend([measured(100, 200, 6.0), measured(120, 200, 6.0), row(140)]);
        assert_eq!(best_measured(&rows), Some(&rows[4]), "the first of equals");
        assert_eq!(best_measured(&rows[..1]), None);
    }

    #[test]
    fn measures_of_classes_are_optional() {
        let classes =
            r#","score":9.5,"confidence":0.75,"diversity":1.5,"shares":[0.25,0.75],"missing":[2]"#;
        for (classes, has_classes) in [(classes, true), ("", false)] {
            let line = format!(
                r#"{{"count":100,"frechet":8.123456,"precision":0.5,"recall":0.25,"density":1.0,"coverage":0.125{classes}}}"#
            );
            let quality: Quality = serde_json::from_str(&line).unwrap();
            assert_eq!(quality.classes.is_some(), has_classes);
            assert_eq!(serde_json::to_string(&quality).unwrap(), line);
        }
    }

    #[test]
    fn the_lowest_kernel_distance_is_that_of_any_count() {
        let measured = |epoch, count, kernel_distance| {
            let quality = Quality { count, kernel_distance, ..Quality::default() };
            MetricsRow { quality: Some(quality), ..row(epoch) }
        };
        let rows = [
            measured(20, 100, None),
            measured(40, 100, Some(0.25)),
            measured(60, 200, Some(0.5)),
            measured(80, 200, Some(0.25)),
        ];
        assert_eq!(lowest_kernel_distance(&rows), Some((&rows[1], 0.25)));
        assert_eq!(lowest_kernel_distance(&rows[..1]), None);
    }

    #[test]
    fn a_row_without_a_kernel_distance_keeps_its_form() {
        let quality = Quality::default();
        let text = serde_json::to_string(&quality).unwrap();
        assert!(!text.contains("kernel_distance"), "{text}");
        assert_eq!(serde_json::from_str::<Quality>(&text).unwrap(), quality);
    }

    #[test]
    fn rewinding_keeps_rows_with_unknown_or_missing_fields() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path()).unwrap();
        let rows = "{\"epoch\":20,\"d_loss\":null}\n{\"epoch\":40,\"more\":[1,2]}\n";
        fs::write(run.metrics(), rows).unwrap();
        run.rewind_metrics(40, |row| panic!("{row:?} is incomplete")).unwrap();
        assert_eq!(fs::read_to_string(run.metrics()).unwrap(), rows);
    }
}
