//! What a step takes from the allocator once it runs: all of its large buffers are used again.
//!
//! A program of its own, because it counts all that is allocated in it.

use std::alloc::System;

use burn::tensor::Device;
use gan_data::MNIST_SHAPE;
use gan_kernels::buffer;
use gan_model::{ConvConfig, Family, ModelConfig};
use gan_train::{Recipe, Trainer};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes and allocations of a step with these nets.
fn step(model: ModelConfig) -> (usize, usize) {
    let config = Recipe::Plain.training();
    let mut trainer = Trainer::new(model, config, &Device::flex());
    let mut steps = |count: usize| {
        let before = Region::new(ALLOCATOR);
        for _ in 0..count {
            let mut real = buffer(128 * MNIST_SHAPE.len());
            real.fill(-0.5);
            trainer.step(real);
        }
        let change = before.change();
        (change.bytes_allocated / count, change.allocations / count)
    };
    steps(3);
    steps(10)
}

#[test]
fn a_step_allocates_little() {
    // The dense nets' tensors alone take 8 MB and their gradients as much, those of convolutions
    // five times that; these list the places of their kernels in every pass.
    let conv = Family::Conv(ConvConfig::default());
    for (family, most) in [(Family::default(), 250_000), (conv, 2_000_000)] {
        let (name, model) = (family.name(), ModelConfig { family, ..ModelConfig::default() });
        let (bytes, times) = step(model);
        assert!(bytes < most, "{name}: {bytes} bytes a step, in {times} allocations");
    }
}
