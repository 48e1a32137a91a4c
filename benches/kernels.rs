//! Times the parts of a training step: `cargo bench --bench kernels`.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use divan::Bencher;
use divan::counter::ItemsCount;
use gan_core::stream::{Purpose, fill_normal, stream};
use gan_data::{Dataset, MNIST_SHAPE, draw_batch, synthetic};
use gan_kernels::reference::with_reference;
use gan_kernels::{AdamStep, buffer, concat_rows, tensor_data};
use gan_model::{Discriminator, Family, Generator, Loss, ModelConfig, TrainingConfig, loss};
use gan_train::{Recipe, Trainer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCHES: [usize; 3] = [32, 128, 512];
const FAMILIES: [&str; 2] = ["dense", "conv"];

fn main() {
    divan::main();
}

fn images() -> Dataset {
    synthetic(1_000, 1).expect("a thousand images fit in memory")
}

fn real(images: &Dataset, batch: usize, step: u64) -> Vec<f32> {
    let mut real = buffer(batch * MNIST_SHAPE.len());
    draw_batch(images, &mut stream(0, Purpose::Batch, step), &mut real);
    real
}

fn noise(batch: usize) -> Tensor<2> {
    let mut noise = buffer(batch * 100);
    fill_normal(&mut stream(0, Purpose::GeneratorNoise, 0), &mut noise);
    Tensor::from_data(tensor_data(noise, [batch, 100]), &Device::flex())
}

fn trainer(recipe: Recipe, batch: usize) -> Trainer {
    let (model, training) = recipe.settings();
    Trainer::new(model, TrainingConfig { batch, ..training }, &Device::flex())
}

/// Nets of a family with its defaults, in the training of `plain`.
fn plain(family: &str) -> Trainer {
    let (model, training) = Recipe::Plain.settings();
    let family = Family::all().into_iter().find(|known| known.name() == family).expect("a family");
    let training = TrainingConfig { batch: 128, ..training };
    Trainer::new(ModelConfig { family, ..model }, training, &Device::flex())
}

/// Two steps, so that each measurement has the same number of penalties.
#[divan::bench(args = [Recipe::Plain, Recipe::ListingTuned, Recipe::Default])]
fn two_steps(bencher: Bencher, recipe: Recipe) {
    let (mut trainer, images) = (trainer(recipe, 128), images());
    bencher.bench_local(|| [(); 2].map(|()| trainer.step(real(&images, 128, trainer.epoch()))));
}

#[divan::bench(args = BATCHES)]
fn step(bencher: Bencher, batch: usize) {
    let (mut trainer, images) = (trainer(Recipe::Plain, batch), images());
    bencher
        .counter(ItemsCount::new(batch))
        .bench_local(|| trainer.step(real(&images, batch, trainer.epoch())));
}

/// A step of batch 128 of each family of nets.
#[divan::bench(args = FAMILIES, sample_count = 20)]
fn step_of_family(bencher: Bencher, family: &str) {
    let (mut trainer, images) = (plain(family), images());
    bencher.bench_local(|| trainer.step(real(&images, 128, trainer.epoch())));
}

/// The same in Burn's own operations.
#[divan::bench(args = FAMILIES, sample_count = 20)]
fn step_of_family_reference(bencher: Bencher, family: &str) {
    let (mut trainer, images) = (plain(family), images());
    bencher.bench_local(|| {
        let real = real(&images, 128, trainer.epoch());
        with_reference(|| trainer.step(real))
    });
}

/// Forward and backward of the discriminator on real and generated images.
#[divan::bench(args = BATCHES)]
fn discriminator_gradients(bencher: Bencher, batch: usize) {
    let images = images();
    let net = Discriminator::init(&ModelConfig::default(), 1, &Device::flex()).train();
    bencher.bench_local(|| {
        let half = || {
            let data = tensor_data(real(&images, batch, 0), [batch, MNIST_SHAPE.len()]);
            Tensor::from_data(data, &Device::flex())
        };
        let images = concat_rows(half(), half()).autodiff();
        let logits = net.forward(images, None, &Vec::new()).logits;
        let (real, fake) = (logits.clone().narrow(0, 0, batch), logits.narrow(0, batch, batch));
        loss::discriminator(Loss::Bce, real, fake, 0.0).backward()
    });
}

/// Forward and backward of the generator through a frozen discriminator.
#[divan::bench(args = BATCHES)]
fn generator_gradients(bencher: Bencher, batch: usize) {
    let (model, device) = (ModelConfig::default(), Device::flex());
    let generator = Generator::init(&model, 1, &device).train();
    let discriminator = Discriminator::init(&model, 1, &device).train().no_grad();
    bencher.bench_local(|| {
        let images = generator.forward(noise(batch).autodiff(), None);
        let output = discriminator.forward(images, None, &Vec::new());
        loss::generator(Loss::Bce, output.logits, None).backward()
    });
}

#[divan::bench(args = BATCHES)]
fn generator_forward(bencher: Bencher, batch: usize) {
    let generator = Generator::init(&ModelConfig::default(), 1, &Device::flex());
    bencher
        .with_inputs(|| noise(batch))
        .counter(ItemsCount::new(batch))
        .bench_local_values(|noise| generator.forward(noise, None));
}

/// Adam and the moving average; the last number is that of the generator's weights.
#[divan::bench(args = [20_000, 150_000, 500_000, 1_486_352])]
fn adam(bencher: Bencher, len: usize) {
    let [mut weights, mut first, mut second, mut average] = [(); 4].map(|()| vec![0.1_f32; len]);
    let gradient = vec![0.01_f32; len];
    let step = AdamStep { beta1: 0.5, beta2: 0.999, step: 2e-4, root: 1.0, epsilon: 1e-8 };
    bencher.counter(ItemsCount::new(len)).bench_local(|| {
        let moments = [&mut first[..], &mut second[..]];
        step.apply(&mut weights, &gradient, moments, Some((&mut average, 0.999)));
    });
}

#[divan::bench(args = BATCHES)]
fn batch_of_images(bencher: Bencher, batch: usize) {
    let images = images();
    bencher.counter(ItemsCount::new(batch)).bench_local(|| real(&images, batch, 0));
}
