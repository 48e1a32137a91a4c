//! Our side of the comparison with other frameworks: runs the steps that `compare.py` requests.
//!
//! The argument is the device. For each line of input it prints a number:
//!
//! - `FAMILY BATCH THREADS COUNT`: milliseconds of a training step of these nets;
//! - `queue-FAMILY BATCH THREADS COUNT`: milliseconds until the host is free again, which on a GPU must be
//!   much less, because a step does not wait for the device;
//! - `product SIZE THREADS COUNT`: GFLOP/s of a square matrix product.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use gan_core::stream::{Purpose, stream};
use gan_data::{MNIST_SHAPE, draw_batch, synthetic};
use gan_model::{Family, ModelConfig, device};
use gan_train::{Recipe, Trainer};

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
            let config = || gan_model::TrainingConfig { batch: size, ..Recipe::Plain.training() };
            let family = kind.trim_start_matches("queue-");
            let family = Family::all().into_iter().find(|known| known.name() == family);
            let model =
                ModelConfig { family: family.unwrap_or_default(), ..ModelConfig::default() };
            let trainer = trainers
                .entry((model.family.name(), size))
                .or_insert_with(|| Trainer::new(model, config(), &device));
            let begin = Instant::now();
            let mut report = None;
            for _ in 0..count {
                let mut rng = stream(0, Purpose::Batch, trainer.epoch());
                let mut real = gan_kernels::buffer(size * MNIST_SHAPE.len());
                draw_batch(&dataset, &mut rng, &mut real);
                report = Some(trainer.step(real));
            }
            let queued = begin.elapsed();
            // Waits for the device.
            let _readings = report.map(gan_train::StepReport::read);
            let taken = if kind.starts_with("queue") { queued } else { begin.elapsed() };
            taken.as_secs_f64() * 1e3 / count as f64
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
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
