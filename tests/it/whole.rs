//! What a run must contain at any time: after a crash, after a failure, during a training.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use gan_data::synthetic;
use gan_eval::FeatureExtractor;
use gan_model::checkpoint::{Checkpoint, Weights};
use gan_model::device::select;
use gan_train::{Control, Evaluator, Event, RunDir, Trainer, train};
use serde_json::Value;

use crate::util::{CPU, Place};

/// An uninterrupted training, with the digests of all its checkpoints.
pub(crate) struct Undisturbed {
    run: &'static str,
    rows: Vec<Value>,
    checkpoints: BTreeMap<u64, u64>,
    best: BTreeMap<u64, u64>,
}

impl Undisturbed {
    /// Repeats the training of `run` on the built-in digits, and records its checkpoints.
    pub(crate) fn like(place: &Place, run: &'static str) -> Self {
        let device = select(CPU).unwrap().device;
        let checkpoint = Checkpoint::open(&place.path(run).join("ckpt.mpk")).unwrap();
        let (model, training) =
            (checkpoint.header().model.clone(), checkpoint.header().training.clone());
        // As in `gan-train`.
        let images = synthetic(20_000, 0).unwrap();
        let evaluator = (training.eval_every > 0).then(|| {
            Evaluator::new(FeatureExtractor::mnist(&device), synthetic(10_000, 1).unwrap())
        });
        let mut trainer = Trainer::new(model, training, &device);

        let folder = tempfile::tempdir().unwrap();
        let repeated = RunDir::create(folder.path()).unwrap();
        let (mut checkpoints, mut best) = (BTreeMap::new(), BTreeMap::new());
        train(
            &mut trainer,
            &images,
            &repeated,
            evaluator.as_ref(),
            &device,
            |_| Control::Continue,
            |event| {
                match event {
                    // There is no event for the first checkpoint.
                    Event::Epoch(1) => _ = checkpoints.insert(0, digest(&repeated.checkpoint())),
                    Event::Saved(epoch) => {
                        checkpoints.insert(epoch, digest(&repeated.checkpoint()));
                    }
                    Event::Best(epoch) => _ = best.insert(epoch, digest(&repeated.best())),
                    _ => {}
                }
            },
        )
        .unwrap();
        let undisturbed = Self { run, rows: place.rows(run), checkpoints, best };
        let last = undisturbed.assert_part(place, run);
        assert_eq!(last, Some(trainer.epoch()), "the library does what the program does");
        undisturbed
    }

    /// Asserts that every file of `run` is complete and equal to one that this training had at some
    /// time, and that no row up to its checkpoint is missing. Returns the epochs of the checkpoint.
    #[track_caller]
    pub(crate) fn assert_part(&self, place: &Place, run: &str) -> Option<u64> {
        let path = |name: &str| place.path(run).join(name);
        let step = path("ckpt.mpk").exists().then(|| {
            let step = read_whole(&path("ckpt.mpk"));
            assert_eq!(Some(&digest(&path("ckpt.mpk"))), self.checkpoints.get(&step), "at {step}");
            step
        });
        if path("best.mpk").exists() {
            let step = read_whole(&path("best.mpk"));
            assert_eq!(Some(&digest(&path("best.mpk"))), self.best.get(&step), "at {step}");
        }
        let rows = place.rows(run);
        assert!(self.rows.starts_with(&rows), "{rows:?}");
        let seen = self.rows.iter().filter(|row| row["epoch"].as_u64() <= step);
        assert!(step.is_none() || rows.len() >= seen.count(), "rows are missing: {rows:?}");

        // The images of the uninterrupted training are valid, so equal bytes are too.
        let same = |name: &str| {
            if path(name).exists() {
                let (found, expected) = (format!("{run}/{name}"), format!("{}/{name}", self.run));
                assert!(place.read(&found) == place.read(&expected), "{found} differs");
            }
        };
        same("reals.png");
        same("config.json");
        if path("samples").exists() {
            let names = place.list(&format!("{run}/samples"));
            names.iter().filter(|name| !is_temporary(name)).for_each(|name| {
                assert!(place.path(self.run).join("samples").join(name).exists(), "{name}");
                same(&format!("samples/{name}"));
            });
        }
        step
    }

    /// Asserts that `run` contains the same files as this training.
    #[track_caller]
    pub(crate) fn assert_done(&self, place: &Place, run: &str) {
        place.assert_same_run(run, self.run);
        // Optional files: a failure to write them is a warning.
        let optional = ["outcome.json", "report.html", "training.gif"];
        let files = |run| {
            let mut names = place.list(run);
            names.retain(|name| !optional.contains(&name.as_str()));
            names
        };
        assert_eq!(files(run), files(self.run), "files");
        let samples = |run: &str| place.list(&format!("{run}/samples"));
        assert_eq!(samples(run), samples(self.run), "samples");
    }
}

/// Decodes every part of a checkpoint; returns its epochs.
#[track_caller]
pub(crate) fn read_whole(path: &Path) -> u64 {
    let device = select(CPU).unwrap().device;
    let read = Checkpoint::read(path).unwrap();
    read.generator(Weights::Averaged, &device).unwrap();
    read.generator(Weights::Raw, &device).unwrap();
    read.discriminator(&device).unwrap();
    read.generator_moments(&device).unwrap();
    read.discriminator_moments(&device).unwrap();
    read.header().step
}

/// Whether a killed process has left this file.
fn is_temporary(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "tmp")
}

fn digest(path: &Path) -> u64 {
    let mut digest = DefaultHasher::new();
    digest.write(&std::fs::read(path).unwrap());
    digest.finish()
}
