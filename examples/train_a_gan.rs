//! Trains on the built-in digits, then generates a hundred samples.
//!
//!     cargo run --release --example train_a_gan
#![expect(clippy::print_stdout, reason = "an example prints its results")]

use gan_model::{TrainingConfig, device};
use gan_sample::{Grid, Sampler, write_png};
use gan_train::{Control, Event, Recipe, RunDir, Trainer, train};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = device::select("auto")?.device;
    let dataset = gan_data::synthetic(10_000, 0)?;
    let (model, config) = Recipe::Default.settings();
    let config = TrainingConfig { epochs: 600, sample_every: 100, ..config };
    let mut trainer = Trainer::new(model, config, &device);

    let run = RunDir::create_next("runs".as_ref(), "example-dense")?;
    let print = |event: Event| {
        if let Event::Metrics(row) = event {
            println!("epoch {:3}  d_loss {:.3}  g_loss {:.3}", row.epoch, row.d_loss, row.g_loss);
        }
    };
    train(&mut trainer, &dataset, &run, None, &device, |_| Control::Continue, print)?;

    let generator = trainer.ema_generator();
    let sampler = Sampler::new(&generator, trainer.model(), &device);
    let samples = sampler.samples(0, 0, 100, None);
    let image = Grid { columns: 10, scale: 2 }.draw(&samples, dataset.shape())?;
    let path = run.root().join("samples.png");
    write_png(&path, &image)?;
    println!("{}", path.display());
    Ok(())
}
