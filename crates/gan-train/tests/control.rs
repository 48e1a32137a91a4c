//! `Control` requests during a training write additional files and do not change its result.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use gan_model::checkpoint::Checkpoint;
use gan_model::{DenseConfig, ModelConfig, TrainingConfig};
use gan_train::{Control, Event, MetricsRow, Outcome, Recipe, RunDir, Trainer, train};

/// Trains small networks for 45 epochs in `root`. Returns the outcome and the epoch of every
/// checkpoint that was written.
fn run(root: &Path, control: impl FnMut(u64) -> Control) -> (Outcome, Vec<u64>) {
    let dense = DenseConfig {
        generator_hidden: vec![16],
        discriminator_hidden: vec![16],
        ..DenseConfig::default()
    };
    let model = ModelConfig { latent: 8, ..ModelConfig::dense(dense) };
    let config = TrainingConfig {
        epochs: 45,
        batch: 8,
        sample_every: 30,
        checkpoint_every: 30,
        ..Recipe::Plain.training()
    };
    let (run, device) = (RunDir::create(root).unwrap(), Device::flex());
    let dataset = gan_data::synthetic(100, 0).unwrap();
    let mut saved = Vec::new();
    let observe = |event: Event| {
        if let Event::Saved(epoch) = event {
            let step = Checkpoint::read(&run.checkpoint()).unwrap().header().step;
            assert_eq!(step, epoch);
            saved.push(step);
        }
    };
    let mut trainer = Trainer::new(model, config, &device);
    let outcome = train(&mut trainer, &dataset, &run, None, &device, control, observe).unwrap();
    (outcome, saved)
}

/// The rows without the elapsed time.
fn rows(root: &Path) -> Vec<MetricsRow> {
    let text = fs::read_to_string(root.join("metrics.jsonl")).unwrap();
    let row = |line| MetricsRow { seconds: 0.0, ..serde_json::from_str(line).unwrap() };
    text.lines().map(row).collect()
}

/// The previews by file name.
fn previews(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(root.join("samples")).unwrap();
    let read = |path: &Path| (path.display().to_string(), fs::read(path).unwrap());
    let of = |(path, bytes): (String, _)| (path.rsplit('/').next().unwrap().to_owned(), bytes);
    entries.map(|entry| of(read(&entry.unwrap().path()))).collect()
}

#[test]
fn requested_previews_and_checkpoints_do_not_change_the_result() {
    let (plain, requested) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (plain, requested) = (plain.path(), requested.path());
    assert_eq!(run(plain, |_| Control::Continue), (Outcome::Finished, vec![30, 45]));
    let control = |epoch| match epoch {
        7 | 20 | 45 => Control::Sample,
        8 | 30 => Control::Checkpoint,
        _ => Control::Continue,
    };
    assert_eq!(run(requested, control), (Outcome::Finished, vec![8, 30, 45]));

    assert_eq!(rows(requested), rows(plain));
    let epochs: Vec<_> = rows(plain).iter().map(|row| row.epoch).collect();
    assert_eq!(epochs, [20, 30, 40], "no row is added for a requested epoch");
    let bytes = |root: &Path| fs::read(root.join("ckpt.mpk")).unwrap();
    assert!(bytes(requested) == bytes(plain), "the last checkpoints differ");

    let (mut more, expected) = (previews(requested), previews(plain));
    let early = more.remove("epoch-000007.png").unwrap();
    assert!(more.remove("epoch-000020.png").unwrap() != early);
    assert_eq!(more, expected);
}

#[test]
fn a_stopped_training_saves_its_last_epoch() {
    let root = tempfile::tempdir().unwrap();
    let stop = |epoch| if epoch == 33 { Control::Stop } else { Control::Continue };
    assert_eq!(run(root.path(), stop), (Outcome::Stopped, vec![30, 33]));
}
