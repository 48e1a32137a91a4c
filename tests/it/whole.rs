//! What a run must look like whenever it is looked at: after a crash, after a failure, beside a
//! writer.

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

/// A training that nothing has happened to, and every checkpoint that it ever had.
pub(crate) struct Undisturbed {
    run: &'static str,
    rows: Vec<Value>,
    checkpoints: BTreeMap<u64, u64>,
    best: BTreeMap<u64, u64>,
}

impl Undisturbed {
    /// Trains once more what `run` has trained on the built-in digits, and looks on.
    pub(crate) fn like(place: &Place, run: &'static str) -> Self {
        let device = select(CPU).unwrap().device;
        let whole = Checkpoint::open(&place.path(run).join("ckpt.mpk")).unwrap();
        let (model, training) = (whole.header().model.clone(), whole.header().training.clone());
        // As `gan-train` has them.
        let images = synthetic(20_000, 0).unwrap();
        let judge = (training.eval_every > 0).then(|| {
            Evaluator::new(FeatureExtractor::mnist(&device), synthetic(10_000, 1).unwrap())
        });
        let mut trainer = Trainer::new(model, training, &device);

        let folder = tempfile::tempdir().unwrap();
        let again = RunDir::create(folder.path()).unwrap();
        let (mut checkpoints, mut best) = (BTreeMap::new(), BTreeMap::new());
        train(
            &mut trainer,
            &images,
            &again,
            judge.as_ref(),
            &device,
            |_| Control::Continue,
            |event| {
                match event {
                    // Nobody tells of the first one.
                    Event::Epoch(1) => _ = checkpoints.insert(0, digest(&again.checkpoint())),
                    Event::Saved(epoch) => {
                        checkpoints.insert(epoch, digest(&again.checkpoint()));
                    }
                    Event::Best(epoch) => _ = best.insert(epoch, digest(&again.best())),
                    _ => {}
                }
            },
        )
        .unwrap();
        let undisturbed = Self { run, rows: place.rows(run), checkpoints, best };
        let last = undisturbed.assert_part(place, run);
        assert_eq!(last, Some(trainer.epoch()), "the program and the library do the same");
        undisturbed
    }

    /// That all that `run` holds is whole and what this training had at some time, and that no
    /// row is missing of what its checkpoint has seen. Its epochs, if it has a checkpoint.
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

        // Equal bytes of a picture that was read: it can be read.
        let same = |name: &str| {
            if path(name).exists() {
                let (found, expected) = (format!("{run}/{name}"), format!("{}/{name}", self.run));
                assert!(place.read(&found) == place.read(&expected), "{found} is another");
            }
        };
        same("reals.png");
        same("config.json");
        if path("samples").exists() {
            let names = place.list(&format!("{run}/samples"));
            names.iter().filter(|name| !is_torn(name)).for_each(|name| {
                assert!(place.path(self.run).join("samples").join(name).exists(), "{name}");
                same(&format!("samples/{name}"));
            });
        }
        step
    }

    /// That `run` holds all that this training left, and nothing else.
    #[track_caller]
    pub(crate) fn assert_done(&self, place: &Place, run: &str) {
        place.assert_same_run(run, self.run);
        // Without these a training has learnt all the same: that they fail is a warning.
        let last_words = ["outcome.json", "report.html", "training.gif"];
        let left = |run| {
            let mut names = place.list(run);
            names.retain(|name| !last_words.contains(&name.as_str()));
            names
        };
        assert_eq!(left(run), left(self.run), "what is left");
        let samples = |run: &str| place.list(&format!("{run}/samples"));
        assert_eq!(samples(run), samples(self.run), "what is left");
    }
}

/// Decodes every part of a checkpoint, and tells its epochs.
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

/// What a writer has left that was ended while it wrote.
fn is_torn(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "tmp")
}

fn digest(path: &Path) -> u64 {
    let mut digest = DefaultHasher::new();
    digest.write(&std::fs::read(path).unwrap());
    digest.finish()
}
