//! The feature extractor of a data set: the built-in one, a trained one, or one to train now.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use burn::tensor::Device;
use gan_core::atomic_file::directory;
use gan_eval::{FeatureExtractor, train_feature_extractor};

use super::data::Data;
use super::output;

/// Data sets of digits like MNIST's, which the built-in extractor can classify.
const DIGITS: [&str; 2] = ["mnist", "synthetic"];

/// The extractor that `--feature-extractor` names, or the one of the data set.
pub fn choose(
    named: Option<&Path>,
    data: &Data,
    device: &Device,
    quiet: bool,
) -> Result<FeatureExtractor> {
    match named {
        None => find(data, device)?.ok_or_else(|| anyhow!(none_for(data))),
        Some(word) if word == Path::new("train") => train(data, device, quiet),
        Some(path) => read(path, data, device),
    }
}

/// The extractor of a data set, if it is built in or was trained before.
pub fn find(data: &Data, device: &Device) -> Result<Option<FeatureExtractor>> {
    if DIGITS.contains(&data.train.name()) {
        return Ok(Some(FeatureExtractor::mnist(device)));
    }
    let path = path(data);
    path.exists().then(|| read(&path, data, device)).transpose()
}

fn read(path: &Path, data: &Data, device: &Device) -> Result<FeatureExtractor> {
    let extractor = FeatureExtractor::read(path, device)?;
    let (found, expected) = (extractor.shape(), data.train.shape());
    anyhow::ensure!(
        found == expected,
        "the feature extractor {} is for images of {found}; expected {expected}, as the data set \
         {} has",
        path.display(),
        data.train.name()
    );
    Ok(extractor)
}

/// That a data set has no extractor, and the command that trains one.
pub fn none_for(data: &Data) -> String {
    let name = data.train.name();
    let dir = data.dir.as_ref().map(|dir| format!(" --data-dir {}", dir.display()));
    format!(
        "there is no feature extractor for {name}; train one with: gan-eval --feature-extractor \
         train --dataset {name}{}",
        dir.unwrap_or_default()
    )
}

/// The file of a data set's extractor.
fn path(data: &Data) -> PathBuf {
    let train = &data.train;
    let dir = data.dir.clone().unwrap_or_else(|| Path::new("data").join(train.name()));
    dir.join(format!("{}-{:.12}.ruler", train.name(), train.digest()))
}

/// Trains the extractor of a data set, and saves it.
fn train(data: &Data, device: &Device, quiet: bool) -> Result<FeatureExtractor> {
    let test = (data.test)()?;
    let template = "  training a feature extractor [{bar:24}] {pos}/{len}  loss {msg}  {eta} left";
    let bar = output::progress_bar(template, quiet)?;
    let name = format!("{}-1", data.train.name());
    // Without a terminal, about twenty lines in all.
    let mut next = 0;
    let extractor = train_feature_extractor(&name, &data.train, &test, 0, device, |progress| {
        let (done, total, loss) = (progress.done, progress.total, progress.loss);
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(format!("{loss:.3}"));
        if bar.is_hidden() && !quiet && done >= next {
            output::log(format!("  training a feature extractor: {done}/{total}  loss {loss:.3}"));
            next = done + total / 20;
        }
    });
    bar.finish_and_clear();
    let (extractor, path) = (extractor?, path(data));
    fs::create_dir_all(directory(&path))?;
    extractor.write(&path)?;
    output::log(format!(
        "feature extractor {}, test accuracy {:.2}%, saved to {}",
        extractor.name(),
        100.0 * extractor.accuracy(),
        path.display()
    ));
    Ok(extractor)
}
