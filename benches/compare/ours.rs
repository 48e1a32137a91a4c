//! Our side of the comparison with other frameworks: runs the steps that `compare.py` requests.
//!
//! The argument is the device. For each line of input it prints a number:
//!
//! - `FAMILY BATCH THREADS COUNT`: milliseconds of a training step of these nets;
//! - `queue-FAMILY BATCH THREADS COUNT`: milliseconds until the host is free again, which on a GPU must be
//!   much less, because a step does not wait for the device;
//! - `check-FAMILY BATCH`: how far a step's losses and gradients are from those on the CPU;
//! - `product SIZE THREADS COUNT`: GFLOP/s of a square matrix product.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use gan_core::stream::{Purpose, stream};
use gan_data::{Dataset, MNIST_SHAPE, draw_batch, synthetic};
use gan_model::checkpoint::Checkpoint;
use gan_model::{Family, ModelConfig, TrainingConfig, device};
use gan_train::{Recipe, StepReport, Trainer, dataset_info};

fn main() -> io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "auto".into());
    let device = device::select(&name).map_err(io::Error::other)?.device;
    if let Ok(name) = std::env::var("GAN_INSTRUCTION_SET") {
        let known = gan_kernels::InstructionSet::ALL.into_iter().find(|(_, known)| *known == name);
        let set = known.ok_or_else(|| io::Error::other("unknown instruction set"))?.0;
        gan_kernels::set_instruction_set(set).map_err(|set| io::Error::other(set.to_string()))?;
    }
    let dataset = synthetic(2_000, 1).map_err(io::Error::other)?;
    let mut trainers = HashMap::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let [size, threads, count] =
            std::array::from_fn(|_| words.next().and_then(|w| w.parse().ok()).unwrap_or(1));
        gan_kernels::set_threads(threads);
        let answer = if kind == "product" {
            product(size, count, &device)
        } else {
            let (what, family) = kind.split_once('-').unwrap_or(("train", kind));
            let family = Family::all().into_iter().find(|known| known.name() == family);
            let model =
                ModelConfig { family: family.unwrap_or_default(), ..ModelConfig::default() };
            if what == "check" {
                check(&model, size, &dataset, &device)
            } else {
                let trainer = trainers.entry((model.family.name(), size)).or_insert_with(|| {
                    let config = TrainingConfig { batch: size, ..Recipe::Plain.training() };
                    Trainer::new(model.clone(), config, &device)
                });
                let begin = Instant::now();
                let report = (0..count).map(|_| step(trainer, &dataset)).last();
                let queued = begin.elapsed();
                // Waits for the device.
                let _readings = report.map(StepReport::read);
                let taken = if what == "queue" { queued } else { begin.elapsed() };
                taken.as_secs_f64() * 1e3 / count as f64
            }
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn step(trainer: &mut Trainer, dataset: &Dataset) -> StepReport {
    let mut rng = stream(0, Purpose::Batch, trainer.epoch());
    let mut real = gan_kernels::buffer(trainer.config().batch * MNIST_SHAPE.len());
    draw_batch(dataset, &mut rng, &mut real);
    trainer.step(real)
}

/// The largest difference of a loss, or of the gradients of one layer, between the first step on this
/// device and on the CPU, relative to its size. Gradients are read from Adam's first moments, which
/// are a part of them after one step. With a small ε the first update would be the gradient's signs,
/// and where it is nearly zero rounding would decide them.
fn check(model: &ModelConfig, batch: usize, dataset: &Dataset, device: &Device) -> f64 {
    let first = |device: &Device| {
        let config = TrainingConfig { batch, epsilon: 1e-3, ..Recipe::Plain.training() };
        let mut trainer = Trainer::new(model.clone(), config, device);
        let losses = step(&mut trainer, dataset).read();
        let (header, sections) = trainer.checkpoint(dataset_info(dataset, model)).expect("finite");
        let mut bytes = vec![];
        sections.encode(&header, &mut bytes).expect("enough memory");
        let checkpoint = Checkpoint::from_bytes("check", bytes).expect("the same checkpoint");
        let mut numbers = Numbers(vec![vec![losses.d_loss.into()], vec![losses.g_loss.into()]]);
        checkpoint.discriminator_moments(device).expect("Adam's").visit(&mut numbers);
        checkpoint.generator_moments(device).expect("Adam's").visit(&mut numbers);
        numbers.0
    };
    let length =
        |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
    let pairs = first(device).into_iter().zip(first(&Device::flex()));
    let differences = pairs.map(|(ours, expected)| {
        assert_eq!(ours.len(), expected.len());
        let difference = length(&mut ours.iter().zip(&expected).map(|(a, b)| a - b));
        difference / length(&mut expected.into_iter()).max(f64::MIN_POSITIVE)
    });
    differences.fold(0.0, f64::max)
}

/// The numbers of each tensor of a module.
struct Numbers(Vec<Vec<f64>>);

impl ModuleVisitor for Numbers {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().into_data().iter::<f64>().collect());
    }
}

/// GFLOP/s of `count` products of square matrices, computed by the dense layer.
fn product(size: usize, count: usize, device: &Device) -> f64 {
    let square = Tensor::<2>::ones([size, size], device);
    let bias = Tensor::<1>::zeros([size], device);
    let begin = Instant::now();
    for _ in 0..count {
        let (left, right) = (square.clone(), square.clone());
        let result = gan_kernels::dense(left, right, bias.clone(), gan_kernels::Activation::None);
        drop(result.slice([0..1, 0..1]).into_data());
    }
    2.0 * (size as f64).powi(3) * count as f64 / begin.elapsed().as_secs_f64() / 1e9
}
