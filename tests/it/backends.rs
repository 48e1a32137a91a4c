//! Back ends against each other: the same seed must give the same training.

#![expect(clippy::print_stderr, reason = "a skipped test reports it, a comparison its result")]

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use gan_core::stream::{Purpose, stream};
use gan_data::{Dataset, draw_batch, synthetic};
use gan_model::checkpoint::{Checkpoint, Weights};
use gan_model::device::{SelectedDevice, select};
use gan_model::{DenseConfig, ModelConfig, Normalisation, TrainingConfig};
use gan_train::{MetricsRow, Recipe, Trainer, dataset_info};

/// The first `steps` losses on a device.
fn losses(
    name: &str,
    model: &ModelConfig,
    batch: usize,
    steps: u64,
    dataset: &Dataset,
) -> Vec<MetricsRow> {
    let SelectedDevice { device, .. } = select(name).expect("the device is there");
    let config = TrainingConfig { batch, ..Recipe::Plain.training() };
    let mut trainer = Trainer::new(model.clone(), config, &device);
    (0..steps)
        .map(|step| {
            let mut rng = stream(0, Purpose::Batch, step);
            let mut real = vec![0.0; batch * gan_data::MNIST_SHAPE.len()];
            draw_batch(dataset, &mut rng, &mut real);
            trainer.step(real).read()
        })
        .collect()
}

/// All numbers of both networks, of the moving average and of Adam's moments, after `steps` steps;
/// saved and resumed after the first `part`.
fn resumed(name: &str, part: u64, steps: u64, dataset: &Dataset) -> Vec<f32> {
    let SelectedDevice { device, .. } = select(name).expect("the device is there");
    let dense = DenseConfig {
        generator_hidden: vec![64],
        discriminator_hidden: vec![64],
        generator_norm: Normalisation::Batch,
        spectral_norm: true,
        ..DenseConfig::default()
    };
    let model = ModelConfig { latent: 16, ..ModelConfig::dense(dense) };
    let config = TrainingConfig { batch: 32, epochs: steps, ..Recipe::Plain.training() };
    let mut trainer = Trainer::new(model, config, &device);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ckpt.mpk");
    let save = |trainer: &Trainer| {
        let (header, sections) =
            trainer.checkpoint(dataset_info(dataset, trainer.model())).unwrap();
        sections.write(&path, &header).unwrap();
        Checkpoint::read(&path).unwrap()
    };
    while trainer.epoch() < steps {
        if trainer.epoch() == part {
            trainer = Trainer::resume(&save(&trainer), &device).unwrap();
        }
        let mut rng = stream(0, Purpose::Batch, trainer.epoch());
        let mut real = vec![0.0; 32 * gan_data::MNIST_SHAPE.len()];
        draw_batch(dataset, &mut rng, &mut real);
        let _ = trainer.step(real);
    }
    let end = save(&trainer);
    let mut numbers = Numbers::default();
    end.generator(Weights::Averaged, &device).unwrap().visit(&mut numbers);
    end.generator(Weights::Raw, &device).unwrap().visit(&mut numbers);
    end.discriminator(&device).unwrap().visit(&mut numbers);
    end.generator_moments(&device).unwrap().visit(&mut numbers);
    end.discriminator_moments(&device).unwrap().visit(&mut numbers);
    numbers.0
}

#[derive(Default)]
struct Numbers(Vec<f32>);

impl ModuleVisitor for Numbers {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend(param.val().into_data().iter::<f32>());
    }
}

/// The largest difference between a resumed training and an uninterrupted one.
fn resume_difference(name: &str) -> f32 {
    let dataset = synthetic(200, 0).unwrap();
    // Nothing is resumed when the part is all of it.
    let [parts, whole] = [7, 20].map(|part| resumed(name, part, 20, &dataset));
    assert_eq!(parts.len(), whole.len());
    assert!(whole.iter().all(|x| x.is_finite()));
    parts.iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[cfg_attr(not(feature = "flex"), ignore = "needs flex")]
#[test]
fn resuming_on_flex_is_exact() {
    assert_eq!(resume_difference("flex"), 0.0);
}

/// As the README documents for GPUs: the state is restored exactly, and later steps differ by
/// rounding as two runs do.
#[cfg_attr(not(feature = "wgpu"), ignore = "needs wgpu")]
#[test]
fn resuming_on_wgpu_differs_by_less_than_a_thousandth() {
    let device = match select("wgpu") {
        Ok(device) => device,
        Err(error) => {
            eprintln!("skipped, no adapter: {error}");
            return;
        }
    };
    let difference = resume_difference("wgpu");
    eprintln!(
        "largest difference between resumed and uninterrupted, {}: {difference:e}",
        device.name
    );
    assert!(difference < 1e-3, "{difference}");
}

/// The largest difference of any loss, relative to it where it is above 1.
fn difference(a: &[MetricsRow], b: &[MetricsRow]) -> f32 {
    let one = |a: f32, b: f32| (a - b).abs() / a.abs().max(1.0);
    let pairs = a.iter().zip(b);
    pairs
        .map(|(a, b)| {
            let d = one(a.d_loss, b.d_loss);
            d.max(one(a.g_loss, b.g_loss))
        })
        .fold(0.0, f32::max)
}

#[cfg_attr(not(all(feature = "flex", feature = "ndarray")), ignore = "needs flex and ndarray")]
#[test]
fn ndarray_and_flex_have_the_same_losses_for_a_hundred_steps() {
    let (model, dataset) = (ModelConfig::default(), synthetic(1_000, 0).unwrap());
    let [flex, ndarray] = ["flex", "ndarray"].map(|name| losses(name, &model, 128, 100, &dataset));
    let difference = difference(&flex, &ndarray);
    eprintln!("largest difference of a loss, flex to ndarray, 100 steps: {difference:e}");
    // Only the reported losses round differently; the weights are equal.
    assert!(difference < 1e-5, "{difference}");
}

#[cfg_attr(not(all(feature = "flex", feature = "wgpu")), ignore = "needs flex and wgpu")]
#[test]
fn wgpu_and_flex_have_the_same_losses_for_twenty_steps() {
    let device = match select("wgpu") {
        Ok(device) => device,
        Err(error) => {
            eprintln!("skipped, no adapter: {error}");
            return;
        }
    };
    let dense = DenseConfig {
        generator_hidden: vec![64],
        discriminator_hidden: vec![64],
        ..DenseConfig::default()
    };
    let model = ModelConfig { latent: 16, ..ModelConfig::dense(dense) };
    let dataset = synthetic(200, 0).unwrap();
    let [flex, wgpu] = ["flex", "wgpu"].map(|name| losses(name, &model, 32, 20, &dataset));
    let difference = difference(&flex, &wgpu);
    eprintln!("largest difference of a loss, flex to {}, 20 steps: {difference:e}", device.name);
    assert!(difference < 1e-2, "{difference}");
}
