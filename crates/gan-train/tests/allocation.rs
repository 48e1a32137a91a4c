//! What a step takes from the allocator once it runs: all of its large buffers are used again, and none
//! is kept that no step uses.
//!
//! A program of its own, because it counts all that is allocated in it.

use std::alloc::System;
use std::sync::Mutex;

use burn::tensor::Device;
use gan_data::MNIST_SHAPE;
use gan_kernels::buffer;
use gan_model::{Augmentation, ConvConfig, Family, ModelConfig, TrainingConfig};
use gan_train::{Batch, Recipe, Trainer};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const BATCH: usize = 128;

/// What happens to the allocator in so many steps.
fn steps(trainer: &mut Trainer, count: usize) -> Stats {
    let before = Region::new(ALLOCATOR);
    for _ in 0..count {
        let mut images = buffer(BATCH * MNIST_SHAPE.len());
        images.fill(-0.5);
        trainer.step(Batch { images, labels: Some(vec![0; BATCH]) });
    }
    before.change()
}

/// A test at a time, because all allocations are counted.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_step_allocates_little() {
    let _alone = ALONE.lock();
    // The dense nets' tensors alone take 8 MB and their gradients as much, those of convolutions
    // five times that; these list the places of their kernels in every pass.
    let conv = Family::Conv(ConvConfig::default());
    for (family, most) in [(Family::default(), 250_000), (conv, 2_000_000)] {
        let (name, model) = (family.name(), ModelConfig { family, ..ModelConfig::default() });
        let mut trainer = Trainer::new(model, Recipe::Plain.training(), &Device::flex());
        steps(&mut trainer, 3);
        let change = steps(&mut trainer, 10);
        let (bytes, times) = (change.bytes_allocated / 10, change.allocations / 10);
        assert!(bytes < most, "{name}: {bytes} bytes a step, in {times} allocations");
    }
}

#[test]
fn many_steps_keep_no_more_memory_than_few() {
    let _alone = ALONE.lock();
    // With batch normalisation, classes and a mask for every image.
    for augment in [vec![], vec![Augmentation::Cutout]] {
        let (model, config) = Recipe::Conditional.settings();
        let config = TrainingConfig { augment, ..config };
        let mut trainer = Trainer::new(model, config, &Device::flex());
        steps(&mut trainer, 8);
        let change = steps(&mut trainer, 40);
        let kept = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
        assert!(kept < 100_000, "40 steps keep {kept} bytes");
    }
}
