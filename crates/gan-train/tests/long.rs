//! What a training holds does not grow with its steps.
//!
//! A program of its own, because it counts all that is allocated in it.

use std::alloc::System;

use burn::tensor::Device;
use gan_data::synthetic;
use gan_model::{DenseConfig, ModelConfig, TrainingConfig};
use gan_train::{Control, Event, Outcome, Recipe, RunDir, Trainer, train};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_training_that_goes_on_and_on_holds_no_more() {
    // Small, so that a little that is never given back would show.
    let dense = DenseConfig {
        generator_hidden: vec![32],
        discriminator_hidden: vec![32],
        ..DenseConfig::default()
    };
    let model = ModelConfig { latent: 8, ..ModelConfig::dense(dense) };
    let config = TrainingConfig {
        epochs: 2_000,
        batch: 16,
        sample_every: 50,
        checkpoint_every: 50,
        ..Recipe::Plain.training()
    };
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path()).unwrap();
    let (images, device) = (synthetic(100, 0).unwrap(), Device::flex());
    let mut trainer = Trainer::new(model, config, &device);
    let mut held = Vec::new();
    let outcome = train(
        &mut trainer,
        &images,
        &run,
        None,
        &device,
        |_| Control::Continue,
        |event| {
            if let Event::Epoch(epoch) = event
                && epoch % 100 == 1
            {
                let all = ALLOCATOR.stats();
                held.push(all.bytes_allocated - all.bytes_deallocated);
            }
        },
    );
    assert_eq!(outcome.unwrap(), Outcome::Finished);
    // A thousand steps fill the window that is looked back on.
    let (warm, last) = (held[10], held[held.len() - 1]);
    assert!(last as f64 <= warm as f64 * 1.02, "{warm} bytes became {last}: {held:?}");
}
