//! Your own data set: trains small networks on images of rings that are made in memory.
//!
//!     cargo run --release --example your_own_images
#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::error::Error;
use std::path::Path;

use gan_core::ImageShape;
use gan_data::Dataset;
use gan_model::{DenseConfig, ModelConfig, TrainingConfig, device};
use gan_train::{Control, Event, Recipe, RunDir, Trainer, train};

const SHAPE: ImageShape = ImageShape::grey(28, 28);

fn main() -> Result<(), Box<dyn Error>> {
    // All pixels of all images, a byte each: 0 is black, 255 is white. Labels are optional.
    let images: Vec<u8> = (0..2_000).flat_map(ring).collect();
    let dataset = Dataset::new("rings", SHAPE, images)?;

    let dense = DenseConfig {
        generator_hidden: vec![128, 256],
        discriminator_hidden: vec![128],
        ..DenseConfig::default()
    };
    let model = ModelConfig { image: SHAPE, ..ModelConfig::dense(dense) };
    let config = TrainingConfig {
        epochs: 1_500,
        batch: 64,
        sample_every: 250,
        ..Recipe::Default.training()
    };

    let device = device::select("auto")?.device;
    let mut trainer = Trainer::new(model, config, &device);
    let run = RunDir::create_next(Path::new("runs"), "rings-dense")?;
    let print = |event: Event| {
        if let Event::Sampled(epoch) = event {
            println!("{}", run.sample(epoch).display());
        }
    };
    train(&mut trainer, &dataset, &run, None, &device, |_| Control::Continue, print)?;
    println!("generate samples with: gan-sample --checkpoint {}", run.root().display());
    Ok(())
}

/// Ring number `index`, `[height, width]` row-major; no two have the same position and radius.
fn ring(index: usize) -> impl Iterator<Item = u8> {
    // Multiples of an irrational number are spread evenly, like random numbers.
    let spread = move |ratio: f32| (index as f32 * ratio).fract();
    let (x, y) = (11.0 + 5.0 * spread(0.819), 11.0 + 5.0 * spread(0.671));
    let radius = 4.0 + 5.0 * spread(0.549_7);
    (0..SHAPE.len()).map(move |at| {
        let (column, row) = ((at % SHAPE.width) as f32, (at / SHAPE.width) as f32);
        let from_line = ((column - x).hypot(row - y) - radius).abs();
        // Two white pixels, then a soft edge of one.
        (255.0 * (2.0 - from_line).clamp(0.0, 1.0)) as u8
    })
}
