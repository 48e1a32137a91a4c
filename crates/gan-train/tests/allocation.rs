//! What a step takes from the allocator once it runs: all of its large buffers are used again.
//!
//! A program of its own, because it counts all that is allocated in it.

use std::alloc::System;

use burn::tensor::Device;
use gan_data::MNIST_SHAPE;
use gan_kernels::buffer;
use gan_model::ModelConfig;
use gan_train::{Recipe, Trainer};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_step_of_the_published_nets_allocates_little() {
    let config = Recipe::Plain.training();
    let mut trainer = Trainer::new(ModelConfig::default(), config, &Device::flex());
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
    let (bytes, times) = steps(20);

    // The nets' tensors alone take 8 MB, their gradients as much.
    assert!(bytes < 250_000, "{bytes} bytes a step, in {times} allocations");
}
