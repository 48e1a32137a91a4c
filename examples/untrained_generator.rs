//! One picture from a generator that has learnt nothing: grey noise, `untrained.png`.
//!
//!     cargo run --release --example untrained_generator
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use std::error::Error;
use std::path::Path;

use gan_model::{Generator, ModelConfig, device};
use gan_sample::{Grid, Sampler, write_png};

fn main() -> Result<(), Box<dyn Error>> {
    let device = device::select("auto")?.device;
    let model = ModelConfig::default();
    let generator = Generator::init(&model, 0, &device);

    // Picture 0 of seed 0: its hundred latent numbers follow from these two alone.
    let pixels = Sampler::new(&generator, &model, &device).samples(0, 0, 1, None);
    let image = Grid { columns: 1, scale: 8 }.draw(&pixels, model.image)?;
    let path = Path::new("untrained.png");
    write_png(path, &image)?;
    println!("{}", path.display());
    Ok(())
}
