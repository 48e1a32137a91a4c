//! Generates one sample with an untrained generator: grey noise, in `untrained.png`.
//!
//!     cargo run --release --example untrained_generator
#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::error::Error;
use std::path::Path;

use gan_model::{Generator, ModelConfig, device};
use gan_sample::{Grid, Sampler, write_png};

fn main() -> Result<(), Box<dyn Error>> {
    let device = device::select("auto")?.device;
    let model = ModelConfig::default();
    let generator = Generator::init(&model, 0, &device);

    // Sample 0 of seed 0: the two determine its latent vector.
    let pixels = Sampler::new(&generator, &model, &device).samples(0, 0, 1, None);
    let image = Grid { columns: 1, scale: 8 }.draw(&pixels, model.image)?;
    let path = Path::new("untrained.png");
    write_png(path, &image)?;
    println!("{}", path.display());
    Ok(())
}
