//! Steps of the kernels agree with steps of Burn's own operations.

use gan_kernels::reference::with_reference;
use gan_model::DenseConfig;

use super::*;
use crate::{MetricsRow, Recipe};

/// What `count` steps on images of noise read.
fn run(count: usize, model: &ModelConfig, epsilon: f64) -> Vec<MetricsRow> {
    let config = TrainingConfig { batch: 32, epsilon, ..Recipe::Plain.training() };
    let mut trainer = Trainer::new(model.clone(), config, &Device::flex());
    (0..count as u64)
        .map(|step| {
            let mut rng = stream(1, Purpose::Batch, step);
            let mut real = vec![0.0; 32 * model.image.len()];
            fill_normal(&mut rng, &mut real);
            for x in &mut real {
                *x = x.tanh();
            }
            trainer.step(real).read()
        })
        .collect()
}

/// The largest difference of a reading, relative to readings of about 1.
fn difference(fast: &[MetricsRow], plain: &[MetricsRow]) -> f32 {
    let all = |r: &MetricsRow| [r.d_loss, r.g_loss, r.d_real, r.d_fake];
    let pairs = fast.iter().flat_map(all).zip(plain.iter().flat_map(all));
    pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max)
}

#[test]
fn a_hundred_fast_steps_are_a_hundred_plain_ones() {
    // Adam's own epsilon makes the first updates little more than signs of gradients, and
    // the sign of almost nothing is rounding: a larger one leaves only what is computed.
    let model = ModelConfig::dense(DenseConfig {
        generator_hidden: vec![64, 96],
        discriminator_hidden: vec![80, 48],
        ..DenseConfig::default()
    });
    let (fast, plain) = (run(100, &model, 1e-3), with_reference(|| run(100, &model, 1e-3)));
    let worst = difference(&fast, &plain);
    assert!(worst < 1e-4, "{worst:e}");
    assert_ne!(fast, plain, "they round differently, or one of them did not run");
    let moved = (fast[0].g_loss - fast[99].g_loss).abs();
    assert!(moved > 0.01, "nothing was learnt: {moved}");
}

#[test]
fn first_steps_of_the_published_nets_agree_with_plain_burn() {
    let model = ModelConfig::default();
    let (fast, plain) = (run(3, &model, 1e-8), with_reference(|| run(3, &model, 1e-8)));
    let worst = difference(&fast, &plain);
    assert!(worst < 1e-4, "{worst:e}");
}
