//! `--resume`: the checkpoint, its run, and which settings may change.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use gan_core::ImageShape;
use gan_core::atomic_file::directory;
use gan_data::Dataset;
use gan_model::DatasetInfo;
use gan_model::checkpoint::{Checkpoint, Header};
use gan_model::device;
use gan_run::RunDir;
use gan_train::RunConfig;
use serde_json::Value;

use super::fields::{Fields, flag, model_fields, text, training_fields};
use crate::common::data::shape_flags;
use crate::common::{DatasetArgs, Failure, checkpoint_path, output, usage};

/// Settings of a resumed training that may differ from the checkpoint's.
const MAY_CHANGE: [&str; 4] = ["epochs", "sample_every", "checkpoint_every", "eval_every"];

/// The checkpoint to continue from.
pub struct Resume {
    pub checkpoint: Checkpoint,
    /// Its directory.
    pub root: PathBuf,
    /// What that records of its run.
    pub recorded: Option<RunConfig>,
}

impl Resume {
    /// Reads the checkpoint at `path`, or in the run directory `path`.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        if RunDir::is_unstarted(path) {
            let path = path.display();
            return Err(Failure::Failed(anyhow!(
                "{path} has no checkpoint yet: its training ended before the first step; start it \
                 again with the same flags and --out {path}"
            )));
        }
        let checkpoint = Checkpoint::read(&checkpoint_path(path))?;
        let root = directory(checkpoint.path()).to_path_buf();
        let recorded = RunDir::read_config(&root);
        Ok(Self { checkpoint, root, recorded })
    }

    /// Checks that no setting contradicts the checkpoint.
    pub fn check(&self, set: &Fields) -> Result<(), Failure> {
        let Header { model, training, dataset, step } = self.checkpoint.header();
        for (name, is) in model_fields(model)?.into_iter().chain(training_fields(training)?) {
            if let Some(value) = set.get(&name)
                && !MAY_CHANGE.contains(&&*name)
                && !equal(value, &is)
            {
                return Err(contradiction(&flag(&name), value, &is));
            }
        }
        if let Some(name) = set.get("dataset")
            && name != "auto"
            && *name != *dataset.name
        {
            return Err(contradiction("dataset", name, &dataset.name.as_str().into()));
        }
        match set.get("epochs").and_then(Value::as_u64).unwrap_or(training.epochs) {
            epochs if epochs < *step => Err(usage!(
                "--epochs {epochs} is too few: the checkpoint has done {step}; --epochs is the \
                 total, expected {step} or more"
            )),
            _ => Ok(()),
        }
    }

    /// Checks that the mean that `--pixel-mean auto` stands for is the checkpoint's.
    pub fn check_pixel_mean(&self, images: &Dataset) -> Result<(), Failure> {
        let (is, mean) = (self.checkpoint.header().model.pixel_mean, images.pixel_mean());
        if is == mean {
            return Ok(());
        }
        let auto = format!("auto, {mean} for these images,");
        Err(contradiction("pixel-mean", &auto.into(), &is.into()))
    }

    /// The checkpoint's data set, by default from where its run had it.
    pub fn dataset(&self, args: DatasetArgs) -> Result<DatasetArgs, Failure> {
        let name = &self.checkpoint.header().dataset.name;
        args.or_recorded(name, &self.root).ok_or_else(|| {
            usage!(
                "{} was trained on {name:?}, and its run does not tell where these images are; give \
                 their path with --data",
                self.checkpoint.path().display()
            )
        })
    }

    /// The name of the device that the run was trained on, if it is available here: another may
    /// round differently.
    pub fn device(&self) -> Option<String> {
        let recorded = &self.recorded.as_ref()?.device;
        // Such as `wgpu:0 (GPU)`.
        let name = recorded.split(' ').next()?;
        match device::select(name) {
            Ok(_) => Some(name.into()),
            Err(error) => {
                output::log(format!(
                    "warning: the run was trained on {recorded}, and here {error}; another device may \
                     round differently, so that the result is not exactly that of an uninterrupted \
                     training"
                ));
                None
            }
        }
    }

    /// Checks that the images are those the checkpoint was trained on.
    pub fn check_images(&self, found: &DatasetInfo, shape: ImageShape) -> Result<(), Failure> {
        let Header { model, dataset, .. } = self.checkpoint.header();
        if model.image != shape {
            let image = model.image;
            return Err(usage!(
                "the images are of {shape}; expected {image}, as the checkpoint has, which you get \
                 with {}",
                shape_flags(image)
            ));
        }
        let describe = |set: &DatasetInfo| {
            format!("{} ({} images, sha256 {})", set.name, set.images, set.digest)
        };
        let names = |set: &DatasetInfo| match &*set.class_names.join(", ") {
            "" => "numbers".into(),
            names => format!("{names:?}"),
        };
        let (difference, was, is) = if describe(dataset) != describe(found) {
            ("the images", describe(dataset), describe(found))
        } else if dataset.class_names != found.class_names {
            ("the names of the classes", names(dataset), names(found))
        } else if let (Some(was), Some(is)) = (&dataset.labels, &found.labels)
            && was != is
        {
            ("the labels", format!("labels with sha256 {was}"), is.clone())
        } else {
            return Ok(());
        };
        Err(usage!(
            "the checkpoint was trained on {was}, but {is} was found: {difference} have changed; give \
             the same images and labels, with --data or --data-dir"
        ))
    }

    /// Opens the checkpoint's own directory, if its checkpoint is still the one that was read:
    /// another process may have held the lock until now.
    pub fn reopen(&self) -> Result<RunDir, Failure> {
        let run = RunDir::open(&self.root)?;
        let (path, header) = (self.checkpoint.path(), self.checkpoint.header());
        if !same_path(path, &run.checkpoint())
            && let Ok(latest) = Checkpoint::open(&run.checkpoint())
            && let done = latest.header().step
            && done > header.step
        {
            // Continuing there would delete the later epochs.
            return Err(usage!(
                "{} is of epoch {}, but its run has done {done}; choose another directory with \
                 --out DIR, or continue the run: --resume {}",
                path.display(),
                header.step,
                self.root.display()
            ));
        }
        if Checkpoint::open(path)?.header() == header {
            return Ok(run);
        }
        Err(Failure::Failed(anyhow!(
            "another gan-train has just continued {}; run the command again to continue from there",
            path.display()
        )))
    }
}

/// Whether two paths lead to the same file or folder.
pub fn same_path(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// Whether two values are equal; 1 and 1.0 are. Integers are not compared as floating-point numbers,
/// which would round large seeds.
pub fn equal(a: &Value, b: &Value) -> bool {
    let rounded = a.is_f64() || b.is_f64();
    a == b || rounded && a.as_f64().is_some_and(|a| Some(a) == b.as_f64())
}

fn contradiction(flag: &str, value: &Value, is: &Value) -> Failure {
    usage!(
        "--{flag} {} contradicts the checkpoint's {}, which cannot change; omit the flag, or start \
         a new run",
        text(value),
        text(is)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_are_compared_exactly_and_with_floating_point_numbers_by_value() {
        assert!(equal(&json!(1), &json!(1.0)));
        assert!(equal(&json!(u64::MAX), &json!(u64::MAX)));
        assert!(!equal(&json!(u64::MAX), &json!(u64::MAX - 1)));
        assert!(!equal(&json!("1"), &json!(1)));
    }
}
