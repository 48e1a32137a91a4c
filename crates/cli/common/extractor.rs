//! The feature extractor of a data set: the built-in one, a trained one, or one to train now.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Result, anyhow};
use burn::tensor::Device;
use gan_core::FileError;
use gan_core::atomic_file::directory;
use gan_eval::{ExtractorProgress, FeatureExtractor, Predicts, Reference, train_feature_extractor};

use super::data::Data;
use super::output;

/// Data sets of digits like MNIST's, which the built-in extractor can classify.
const DIGITS: [&str; 2] = ["mnist", "synthetic"];

/// Values of `--feature-extractor` that are no files.
const TRAIN: &str = "train";
const TRAIN_WITHOUT_LABELS: &str = "train-without-labels";

/// A feature extractor, and where it is.
pub struct Chosen {
    pub extractor: FeatureExtractor,
    /// Its file, unless it is built in.
    pub file: Option<PathBuf>,
}

/// Whether this value of `--feature-extractor` asks for a training.
pub fn is_training(named: &Path) -> bool {
    [TRAIN, TRAIN_WITHOUT_LABELS].map(Path::new).contains(&named)
}

/// The name of the accuracy of an extractor.
pub fn accuracy_of(predicts: Predicts) -> &'static str {
    match predicts {
        Predicts::Labels => "test accuracy",
        Predicts::Rotation => "trained without labels, rotation accuracy",
    }
}

/// The extractor that `--feature-extractor` names, or the one of the data set.
pub fn choose(named: Option<&Path>, data: &Data, device: &Device, quiet: bool) -> Result<Chosen> {
    match named {
        _ if let Some(why) = unsupported(data) => Err(anyhow!(why)),
        None => find(data, device)?.ok_or_else(|| anyhow!(none_for(data))),
        Some(word) if word == Path::new(TRAIN) => train(data, predicts(data)?, device, quiet),
        Some(word) if word == Path::new(TRAIN_WITHOUT_LABELS) => {
            train(data, Predicts::Rotation, device, quiet)
        }
        Some(path) if path.try_exists().is_ok_and(|found| !found) => Err(anyhow!(
            "--feature-extractor: cannot read {}: there is no such file; expected a file, {TRAIN} or \
             {TRAIN_WITHOUT_LABELS}",
            path.display()
        )),
        Some(path) => read(path, data, device),
    }
}

/// The extractor of a data set, if it is built in or was trained before.
pub fn find(data: &Data, device: &Device) -> Result<Option<Chosen>> {
    if unsupported(data).is_some() {
        return Ok(None);
    }
    if DIGITS.contains(&data.train.name()) && !data.inverted {
        let mnist = FeatureExtractor::mnist(device);
        // Digits of another size have an extractor of their own.
        if mnist.shape() == data.train.shape() {
            return Ok(Some(Chosen { extractor: mnist, file: None }));
        }
    }
    let path = path(data, predicts(data)?);
    path.exists().then(|| read(&path, data, device)).transpose()
}

fn read(path: &Path, data: &Data, device: &Device) -> Result<Chosen> {
    let extractor = FeatureExtractor::read(path, device)?;
    let (found, expected) = (extractor.shape(), data.train.shape());
    anyhow::ensure!(
        found == expected,
        "the feature extractor {} is for images of {found}; expected {expected}, as the data set \
         {} has",
        path.display(),
        data.train.name()
    );
    Ok(Chosen { extractor, file: Some(path.into()) })
}

/// Why samples cannot be compared with a data set by any extractor.
pub fn unsupported(data: &Data) -> Option<String> {
    let (shape, least) = (data.train.shape(), Reference::MIN_IMAGES);
    if !FeatureExtractor::supports(shape) {
        let [low, high] = FeatureExtractor::SIDES;
        return Some(format!(
            "there is no feature extractor for images of {shape}; expected sides of {low} to {high} \
             pixels: choose a --size"
        ));
    }
    let (images, tests) = (data.train.len(), data.tests);
    (images.min(tests) < least).then(|| {
        format!(
            "samples cannot be compared with {images} training images and {tests} test images; \
             expected {least} or more of each"
        )
    })
}

/// That a data set has no extractor, and the command that trains one.
pub fn none_for(data: &Data) -> String {
    format!(
        "there is no feature extractor for {}; train one with: gan-eval --feature-extractor train{}",
        data.train.name(),
        data.flags
    )
}

fn predicts(data: &Data) -> Result<Predicts> {
    Ok(Predicts::of(&data.train, &(data.test)()?))
}

/// What is added to the names of an extractor and its file.
fn suffix(predicts: Predicts) -> &'static str {
    match predicts {
        Predicts::Labels => "",
        Predicts::Rotation => "-rotation",
    }
}

/// The file of a data set's extractor.
fn path(data: &Data, predicts: Predicts) -> PathBuf {
    let train = &data.train;
    let dir = data.dir.clone().unwrap_or_else(|| Path::new("data").join(train.name()));
    dir.join(format!("{}-{:.12}{}.ruler", train.name(), train.digest(), suffix(predicts)))
}

/// Trains the extractor of a data set, and saves it.
fn train(data: &Data, predicts: Predicts, device: &Device, quiet: bool) -> Result<Chosen> {
    let path = path(data, predicts);
    // Not after minutes of training.
    check_writable(directory(&path))?;
    let test = (data.test)()?;
    let template = "  training a feature extractor [{bar:24}] {pos}/{len}  loss {msg}  {eta} left";
    let bar = output::progress_bar(template, quiet)?;
    let name = format!("{}-1{}", data.train.name(), suffix(predicts));
    // Without a terminal, about twenty lines in all.
    let mut next = 0;
    let observe = |progress: ExtractorProgress| {
        let (done, total, loss) = (progress.done, progress.total, progress.loss);
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(format!("{loss:.3}"));
        if bar.is_hidden() && !quiet && done >= next {
            output::log(format!("  training a feature extractor: {done}/{total}  loss {loss:.3}"));
            next = done + total / 20;
        }
    };
    let extractor =
        train_feature_extractor(&name, &data.train, &test, predicts, 0, device, observe);
    bar.finish_and_clear();
    let extractor = extractor?;
    extractor.write(&path)?;
    output::log(format!(
        "feature extractor {}, {} {:.2}%, saved to {}",
        extractor.name(),
        accuracy_of(predicts),
        100.0 * extractor.accuracy(),
        path.display()
    ));
    Ok(Chosen { extractor, file: Some(path) })
}

/// Creates a folder if it is missing, and checks that a file can be created in it.
fn check_writable(folder: &Path) -> Result<(), FileError> {
    fs::create_dir_all(folder).map_err(FileError::new("create", folder))?;
    let file = folder.join(format!(".{}.tmp", process::id()));
    let created = File::create(&file).and_then(|_| fs::remove_file(&file));
    created.map_err(FileError::new("write to", folder))
}

#[cfg(test)]
mod tests {
    use gan_core::ImageShape;
    use gan_data::Dataset;

    use super::*;

    fn data(dir: &Path, labels: Option<Vec<u16>>) -> Data {
        let pixels = (0..640_u32).map(|i| (i % 7 * 30) as u8).collect();
        let mut train = Dataset::new("mine", ImageShape::grey(8, 8), pixels).unwrap();
        if let Some(labels) = labels {
            train = train.with_labels(labels, Vec::new()).unwrap();
        }
        let test = train.clone();
        Data { dir: Some(dir.into()), ..Data::new(train, test.len(), move || Ok(test.clone())) }
    }

    #[test]
    fn extractors_with_and_without_labels_have_files_of_their_own() {
        let (device, dir) = (Device::flex(), tempfile::tempdir().unwrap());
        let labelled = data(dir.path(), Some((0..10).map(|i| i % 2).collect()));
        let unlabelled = data(dir.path(), None);
        let train = |word: &str, data| {
            choose(Some(Path::new(word)), data, &device, true).unwrap().extractor
        };
        let found = |data| {
            let found = find(data, &device).unwrap();
            found.map(|found| found.extractor.digest().to_owned())
        };

        let rotation = train(TRAIN_WITHOUT_LABELS, &labelled);
        assert_eq!((rotation.name(), rotation.classes()), ("mine-1-rotation", None));
        assert_eq!(found(&labelled), None, "labels are used where there are any");
        assert_eq!(found(&unlabelled).as_deref(), Some(rotation.digest()), "the same images");
        assert_eq!(train(TRAIN, &unlabelled).digest(), rotation.digest());

        let labels = train(TRAIN, &labelled);
        assert_eq!((labels.name(), labels.classes()), ("mine-1", Some(2)));
        assert_eq!(found(&labelled).as_deref(), Some(labels.digest()));
        assert_eq!(found(&unlabelled).as_deref(), Some(rotation.digest()));
    }

    #[test]
    fn a_mistyped_word_is_refused_with_those_that_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let trian = dir.path().join("trian");
        let error = choose(Some(&trian), &data(dir.path(), None), &Device::flex(), true);
        let error = error.err().unwrap().to_string();
        assert!(error.starts_with("--feature-extractor: cannot read "), "{error}");
        assert!(error.ends_with("expected a file, train or train-without-labels"), "{error}");
    }

    /// In `/proc` not even root can create a file.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_is_refused_before_the_training() {
        let data = data(Path::new("/proc"), None);
        let error = choose(Some(Path::new(TRAIN)), &data, &Device::flex(), true).err().unwrap();
        assert!(error.to_string().starts_with("cannot write to /proc: "), "{error}");
    }
}
