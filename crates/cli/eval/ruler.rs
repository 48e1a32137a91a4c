//! Which ruler measures a data set: the built-in one, one that was made before, or a new one.

use std::path::{Path, PathBuf};

use gan_data::Dataset;
use gan_eval::{FeatureExtractor, train_feature_extractor};
use indicatif::{ProgressBar, ProgressStyle};

use crate::say;
use crate::train::Data;

/// Data sets of digits as MNIST's, which the built-in ruler reads.
const DIGITS: [&str; 2] = ["mnist", "synthetic"];

/// The ruler that was asked for, or the one for the data set.
///
/// # Errors
/// When there is none, with how to make one.
pub fn choose(
    asked: Option<&Path>,
    data: &mut Data,
    device: &burn::tensor::Device,
    quiet: bool,
) -> anyhow::Result<FeatureExtractor> {
    match asked {
        Some(word) if word == Path::new("train") => {
            let place = place(&data.train, data.dir.as_deref());
            let ruler = make(data, device, quiet)?;
            if let Some(folder) = place.parent() {
                std::fs::create_dir_all(folder)?;
            }
            ruler.write(&place)?;
            say::note(format!(
                "ruler {}, which reads {:.2}% of the test images, kept as {}",
                ruler.name(),
                100.0 * ruler.accuracy(),
                place.display()
            ));
            Ok(ruler)
        }
        Some(path) => Ok(FeatureExtractor::read(path, device)?),
        None => match usual(&data.train, data.dir.as_deref(), device)? {
            Some(ruler) => Ok(ruler),
            None => anyhow::bail!(
                "there is no ruler for {}; make one with: gan-eval --ruler train --dataset {}",
                data.train.name(),
                again(data)
            ),
        },
    }
}

/// The ruler for a data set, if it is built in or was made before.
///
/// # Errors
/// When it was made, and cannot be read.
pub fn usual(
    train: &Dataset,
    dir: Option<&Path>,
    device: &burn::tensor::Device,
) -> anyhow::Result<Option<FeatureExtractor>> {
    if DIGITS.contains(&train.name()) {
        return Ok(Some(FeatureExtractor::mnist(device)));
    }
    let place = place(train, dir);
    if place.exists() { Ok(Some(FeatureExtractor::read(&place, device)?)) } else { Ok(None) }
}

/// The flags that name a data set.
pub fn again(data: &Data) -> String {
    let dir = data.dir.as_ref().map(|dir| format!(" --data-dir {}", dir.display()));
    format!("{}{}", data.train.name(), dir.unwrap_or_default())
}

/// Where the ruler of a data set is kept.
fn place(train: &Dataset, dir: Option<&Path>) -> PathBuf {
    let dir = dir.map_or_else(|| Path::new("data").join(train.name()), Path::to_path_buf);
    dir.join(format!("{}-{:.12}.ruler", train.name(), train.digest()))
}

fn make(
    data: &mut Data,
    device: &burn::tensor::Device,
    quiet: bool,
) -> anyhow::Result<FeatureExtractor> {
    let test = data.test()?;
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
    let style = "  making a ruler [{bar:24}] {pos}/{len}  loss {msg}  {eta} left";
    bar.set_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    let name = format!("{}-1", data.train.name());
    // Without a terminal, a line now and then.
    let mut next = 0;
    let ruler = train_feature_extractor(&name, &data.train, &test, 0, device, |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(format!("{:.3}", progress.loss));
        if bar.is_hidden() && !quiet && progress.done >= next {
            let (done, total) = (progress.done, progress.total);
            say::note(format!("  making a ruler: {done}/{total}  loss {:.3}", progress.loss));
            next = done + total / 20;
        }
    });
    bar.finish_and_clear();
    Ok(ruler?)
}
