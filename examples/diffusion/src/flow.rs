//! The loss of flow matching, and samples by its differential equation.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use gan_core::ImageShape;
use gan_core::stream::{Purpose, normal, stream};
use gan_data::{Dataset, draw_batch};
use rand::RngExt;

use crate::net::{UNet, condition};

/// A share of the images is shown without its class, so that the net also learns the velocity of all
/// classes together (Ho and Salimans 2022).
const WITHOUT_CLASS: f64 = 0.1;

/// A loss of one batch, `[1]`: E |v(x, t) − (x₁ − x₀)|², where x₁ is an image, x₀ noise, t uniform,
/// and x = (1 − t) x₀ + t x₁ (Lipman et al. 2023, equations 14 and 23, without noise at t = 1).
pub fn loss(net: &UNet, dataset: &Dataset, batch: usize, seed: u64, epoch: u64) -> Tensor<1> {
    let (shape, classes) = (dataset.shape(), dataset.classes().unwrap_or(0));
    let mut rng = stream(seed, Purpose::Batch, epoch);
    let mut images = vec![0.0; batch * shape.len()];
    let labels = draw_batch(dataset, &mut rng, &mut images);
    let mut rng = stream(seed, Purpose::GeneratorNoise, epoch);
    let mut between = normal(&mut rng, images.len());
    let mut times = Vec::with_capacity(batch * shape.height * shape.width);
    let mut conditions = Vec::new();
    // Noise becomes the image at time t, and the image its velocity.
    let rows = images.chunks_exact_mut(shape.len()).zip(between.chunks_exact_mut(shape.len()));
    for (index, (image, noise)) in rows.enumerate() {
        let time: f32 = rng.random();
        let class = labels.as_ref().map(|labels| labels[index]);
        let class = class.filter(|_| !rng.random_bool(WITHOUT_CLASS));
        conditions.extend(condition(class, classes, time));
        times.extend(std::iter::repeat_n(time, shape.height * shape.width));
        for (x, noise) in image.iter_mut().zip(noise) {
            let start = *noise;
            *noise = (1.0 - time) * start + time * *x;
            *x -= start;
        }
    }
    let device = Device::flex().autodiff();
    let rows = |numbers: Vec<f32>, rows: usize| matrix(&numbers, rows, &device);
    let pixels = times.len();
    let velocity = net.forward(rows(between, batch), rows(times, pixels), rows(conditions, batch));
    (velocity - rows(images, batch)).square().mean()
}

fn matrix(numbers: &[f32], rows: usize, device: &Device) -> Tensor<2> {
    Tensor::<1>::from_floats(numbers, device).reshape([rows, numbers.len() / rows])
}

/// How samples are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// Steps from noise to images; each evaluates the net twice.
    pub steps: usize,
    /// How much more of the class than of all classes: 1 is the class alone, more is clearer and less
    /// varied (Ho and Salimans 2022, equation 6, with 1 + w).
    pub guidance: f32,
    /// Sample *i* of a seed begins with the same noise whatever else is asked for.
    pub seed: u64,
}

/// The samples from `first` on, one for each label, `[labels, height, width, channels]`: Heun's method
/// from time 0 to 1.
pub fn samples(
    net: &UNet,
    shape: ImageShape,
    classes: usize,
    sampling: Sampling,
    first: u64,
    labels: &[Option<u16>],
) -> Vec<u8> {
    let net = net.valid();
    let device = Device::flex();
    let count = labels.len();
    let noise = |index| normal(&mut stream(sampling.seed, Purpose::Sample, index), shape.len());
    let noise: Vec<f32> = (first..first + count as u64).flat_map(noise).collect();
    let velocity = |x: &Tensor<2>, time: f32| {
        let evaluate = |with_class: bool| {
            let of = |label: &Option<u16>| condition(label.filter(|_| with_class), classes, time);
            let conditions: Vec<f32> = labels.iter().flat_map(of).collect();
            let times = Tensor::full([count * shape.height * shape.width, 1], time, &device);
            net.forward(x.clone(), times, matrix(&conditions, count, &device))
        };
        let of_class = evaluate(true);
        if sampling.guidance == 1.0 || classes == 0 {
            return of_class;
        }
        let of_all = evaluate(false);
        (of_class - of_all.clone()) * sampling.guidance + of_all
    };
    let mut x = matrix(&noise, count, &device);
    let step = 1.0 / sampling.steps as f32;
    for index in 0..sampling.steps {
        let time = index as f32 * step;
        let slope = velocity(&x, time);
        let ahead = velocity(&(x.clone() + slope.clone() * step), time + step);
        x = x + (slope + ahead) * (step / 2.0);
    }
    let pixels = (x * 127.5 + 127.5).into_data();
    pixels.iter::<f32>().map(|x| x.round().clamp(0.0, 255.0) as u8).collect()
}
