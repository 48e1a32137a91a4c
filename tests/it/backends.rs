//! Back ends against each other: the same seed must give the same training.

#![expect(clippy::print_stderr, reason = "a skipped test says so, a comparison its figure")]

use gan_data::{Dataset, draw_batch, synthetic};
use gan_model::device::{Chosen, select};
use gan_model::stream::{Purpose, stream};
use gan_model::{ModelConfig, TrainingConfig};
use gan_train::{Readings, Recipe, Trainer};

/// The first `steps` losses on a device.
fn losses(
    name: &str,
    model: &ModelConfig,
    batch: usize,
    steps: u64,
    dataset: &Dataset,
) -> Vec<Readings> {
    let Chosen { device, .. } = select(name).expect("the device is there");
    let config = TrainingConfig { batch, ..Recipe::Plain.training() };
    let mut trainer = Trainer::new(model.clone(), config, &device);
    (0..steps)
        .map(|step| {
            let mut rng = stream(0, Purpose::Batch, step);
            let mut real = vec![0.0; batch * gan_data::IMAGE_LEN];
            draw_batch(dataset, &mut rng, &mut real);
            trainer.step(real).read()
        })
        .collect()
}

/// The largest difference of any loss, relative to it where it is above 1.
fn difference(a: &[Readings], b: &[Readings]) -> f32 {
    let one = |a: f32, b: f32| (a - b).abs() / a.abs().max(1.0);
    let pairs = a.iter().zip(b);
    pairs
        .map(|(a, b)| {
            let d = one(a.discriminator_loss, b.discriminator_loss);
            d.max(one(a.generator_loss, b.generator_loss))
        })
        .fold(0.0, f32::max)
}

#[cfg_attr(not(all(feature = "flex", feature = "ndarray")), ignore = "needs flex and ndarray")]
#[test]
fn a_hundred_steps_of_the_published_nets_on_ndarray_have_the_losses_of_flex() {
    let (model, dataset) = (ModelConfig::default(), synthetic(1_000, 0).unwrap());
    let [flex, ndarray] = ["flex", "ndarray"].map(|name| losses(name, &model, 128, 100, &dataset));
    let difference = difference(&flex, &ndarray);
    eprintln!("largest difference of a loss, flex to ndarray, 100 steps: {difference:e}");
    // Only the reading of a loss rounds differently; what is trained is the same.
    assert!(difference < 1e-5, "{difference}");
}

#[cfg_attr(not(all(feature = "flex", feature = "wgpu")), ignore = "needs flex and wgpu")]
#[test]
fn twenty_steps_of_small_nets_on_wgpu_have_the_losses_of_flex() {
    let device = match select("wgpu") {
        Ok(device) => device,
        Err(error) => {
            eprintln!("skipped, for want of an adapter: {error}");
            return;
        }
    };
    let model = ModelConfig {
        latent: 16,
        generator_hidden: vec![64],
        discriminator_hidden: vec![64],
        ..ModelConfig::default()
    };
    let dataset = synthetic(200, 0).unwrap();
    let [flex, wgpu] = ["flex", "wgpu"].map(|name| losses(name, &model, 32, 20, &dataset));
    let difference = difference(&flex, &wgpu);
    eprintln!("largest difference of a loss, flex to {}, 20 steps: {difference:e}", device.name);
    assert!(difference < 1e-2, "{difference}");
}
