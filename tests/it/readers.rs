//! Reading a checkpoint while it is written.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use gan_model::checkpoint::{Checkpoint, Weights};
use gan_model::device::select;
use gan_model::{DatasetInfo, DenseConfig, ModelConfig, TrainingConfig};
use gan_train::Trainer;

use crate::util::{CPU, Place, number};

/// `GAN_READS` sets the number of reads.
#[test]
#[expect(clippy::print_stdout, reason = "prints how much was tested")]
fn a_reader_never_sees_an_incomplete_checkpoint() {
    let wanted = number("GAN_READS", 10_000);
    let device = select(CPU).unwrap().device;
    let place = Place::new();
    let path = place.path("ckpt.mpk");
    // Files of different lengths, identified by their seed.
    let files: Vec<_> = (1..=3_u64)
        .map(|seed| {
            let units = vec![4 * seed as usize];
            let dense = DenseConfig {
                generator_hidden: units.clone(),
                discriminator_hidden: units,
                ..DenseConfig::default()
            };
            let model = ModelConfig { latent: 2 * seed as usize, ..ModelConfig::dense(dense) };
            let training = TrainingConfig { seed, ..TrainingConfig::default() };
            let dataset = DatasetInfo {
                name: "none".into(),
                digest: "none".into(),
                images: 1,
                class_names: Vec::new(),
                labels: None,
            };
            Trainer::new(model, training, &device).checkpoint(dataset).unwrap()
        })
        .collect();
    let (header, sections) = &files[0];
    sections.write(&path, header).unwrap();

    let (stop, writes) = (AtomicBool::new(false), AtomicU64::new(0));
    let seen = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for (header, sections) in &files {
                    sections.write(&path, header).unwrap();
                    writes.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let read = || {
            let mut seen = BTreeSet::new();
            let mut reads = 0;
            // At least until the file was replaced a hundred times.
            while reads < wanted || writes.load(Ordering::Relaxed) < 100 {
                let read = Checkpoint::read(&path).unwrap();
                let seed = read.header().training.seed;
                assert_eq!(read.header().model.latent as u64, 2 * seed, "parts of two files");
                // Tensors of another file would not fit.
                read.generator(Weights::Averaged, &device).unwrap();
                seen.insert(seed);
                reads += 1;
            }
            seen
        };
        // The writer must stop even if this fails.
        let seen = thread::scope(|scope| scope.spawn(read).join());
        stop.store(true, Ordering::Relaxed);
        seen
    });
    println!("at least {wanted} reads during {} writes", writes.load(Ordering::Relaxed));
    assert_eq!(seen.unwrap(), BTreeSet::from([1, 2, 3]), "some file was never read");
}

#[test]
fn gan_sample_reads_the_checkpoint_of_a_running_training() {
    let place = Place::new();
    let mut run = place.start("--epochs 1000000 --checkpoint-every 1 --quiet --out run");
    run.until(|| !place.rows("run").is_empty());
    let mut before = 0;
    for index in 0..20 {
        let sampled = place.sample(&format!("--checkpoint run --count 3 --json --out {index}.npy"));
        let epochs = sampled.ok().object()["epochs"].as_u64().unwrap();
        assert!(epochs >= before, "from {before} back to {epochs}");
        before = epochs;
    }
    assert!(!run.has_ended() && before > 20, "the training did not continue: {before}");
}
