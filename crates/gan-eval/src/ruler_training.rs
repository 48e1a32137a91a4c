//! How a ruler is made: a classifier learns from bent images, and its average is kept.

use std::f64::consts::PI;
use std::mem;

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use gan_core::stream::{Purpose, fill_dropout, stream};
use gan_data::{Dataset, IMAGE_LEN, SIDE};
use gan_model::device::is_cpu;
use gan_model::{Adam, AdamConfig, Ema};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::FeatureExtractorError;
use crate::ruler::{About, FEATURES, FLAT, FeatureExtractor, Net};

const PASSES: u64 = 10;
const BATCH: usize = 128;
/// Adam's largest step size, from which it falls as half a cosine.
const RATE: f64 = 1e-3;
const DECAY: f64 = 0.999;
/// Shares that drop out in front of the last hidden layer and behind it.
const DROPOUT: [f64; 2] = [0.25, 0.5];

/// How far a training is.
#[derive(Clone, Copy, Debug)]
pub struct ExtractorProgress {
    /// Updates done.
    pub done: u64,
    /// Updates in all.
    pub total: u64,
    /// Cross-entropy of the latest batch.
    pub loss: f32,
}

/// Makes a ruler called `name` from labelled images; it is marked by how many of `test` it reads.
/// On a CPU, equal seeds make equal rulers.
///
/// Each image is turned, stretched and shifted a little, anew in every pass, so that the ruler
/// sees what is written and not where. Dropout (Srivastava et al. 2014) keeps its features even:
/// without, they tell training images from new ones of the same kind, and real images that stand
/// in for generated ones are then half as far from the test images as a middling GAN's. What is
/// kept is the average of the weights.
///
/// # Errors
/// When the weights cannot be read back from the device.
pub fn train_feature_extractor(
    name: &str,
    train: &Dataset,
    test: &Dataset,
    seed: u64,
    device: &Device,
    mut observe: impl FnMut(ExtractorProgress),
) -> Result<FeatureExtractor, FeatureExtractorError> {
    let classes = 1 + train.labels().iter().copied().max().map_or(0, usize::from).max(1);
    let mut net = Net::init(classes, seed, device).train();
    let mut averaged = net.valid();
    let mut adam =
        Adam::new(AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, is_cpu(device));
    let total = PASSES * train.len().div_ceil(BATCH) as u64;
    let mut done = 0;
    for pass in 0..PASSES {
        let mut order: Vec<usize> = (0..train.len()).collect();
        order.shuffle(&mut stream(seed, Purpose::ExtractorOrder, pass));
        for batch in order.chunks(BATCH) {
            let mut rng = stream(seed, Purpose::ExtractorWarp, done);
            let images: Vec<f32> =
                batch.iter().flat_map(|&index| bent(train.image(index), &mut rng)).collect();
            let shape = [batch.len(), 1, SIDE, SIDE];
            let images = Tensor::from_data(TensorData::new(images, shape), device).autodiff();
            let masks = [(FLAT, 0), (FEATURES, 1)].map(|(units, layer)| {
                let mut mask = vec![0.0; batch.len() * units];
                let mut rng = stream(seed, Purpose::ExtractorDropout, 2 * done + layer as u64);
                fill_dropout(&mut rng, DROPOUT[layer], &mut mask);
                let mask = TensorData::new(mask, [batch.len(), units]);
                Tensor::<2>::from_data(mask, device).autodiff()
            });
            let [before, behind] = masks;
            let logits = net.logits(net.features(images, Some(before)) * behind);
            let loss = cross_entropy(logits, train, batch, device);
            let gradients = loss.backward();
            let rate = RATE * (0.5 + 0.5 * (PI * done as f64 / total as f64).cos());
            done += 1;
            let decay = DECAY.min((1.0 + done as f64) / (10.0 + done as f64));
            let mut average = Ema::of(averaged, decay);
            net = adam.update(mem::take(&mut net), gradients, Some(&mut average), done, rate);
            averaged = average.place(&net);
            if done.is_multiple_of(20) || done == total {
                observe(ExtractorProgress { done, total, loss: loss.into_scalar() });
            }
        }
    }
    let about = About {
        name: name.into(),
        dataset: train.name().into(),
        dataset_digest: train.digest().into(),
        classes,
        accuracy: 0.0,
    };
    let ruler =
        FeatureExtractor { net: averaged, about, digest: String::new(), device: device.clone() };
    // What will be read again is in half precision, so that is what is marked.
    let read_again = |ruler: &FeatureExtractor| {
        FeatureExtractor::decode(&ruler.encode()?, device).map_err(FeatureExtractorError::Pack)
    };
    let mut ruler = read_again(&ruler)?;
    ruler.about.accuracy = ruler.accuracy_on(test.images(), test.labels());
    read_again(&ruler)
}

fn cross_entropy(
    logits: Tensor<2>,
    train: &Dataset,
    batch: &[usize],
    device: &Device,
) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    let mut wanted = vec![0.0_f32; rows * classes];
    for (row, &index) in wanted.chunks_exact_mut(classes).zip(batch) {
        row[train.labels()[index] as usize] = 1.0;
    }
    let wanted = TensorData::new(wanted, [rows, classes]);
    let wanted = Tensor::<2>::from_data(wanted, device).autodiff();
    (log_softmax(logits, 1) * wanted).sum().mul_scalar(-1.0 / rows as f64)
}

/// An image turned by up to 12°, stretched by up to a tenth each way and shifted by up to two
/// pixels, in [−1, 1].
fn bent(image: &[u8], rng: &mut ChaCha8Rng) -> [f32; IMAGE_LEN] {
    let mut within = |limit: f32| rng.random_range(-limit..limit);
    let (sin, cos) = within(0.21).sin_cos();
    let [wide, high] = [1.0 + within(0.1), 1.0 + within(0.1)];
    let [right, down] = [within(2.0), within(2.0)];
    let middle = (SIDE as f32 - 1.0) / 2.0;
    let ink = |x: i32, y: i32| match (usize::try_from(x), usize::try_from(y)) {
        (Ok(x @ ..SIDE), Ok(y @ ..SIDE)) => f32::from(image[y * SIDE + x]),
        _ => 0.0,
    };
    std::array::from_fn(|pixel| {
        let (x, y) = ((pixel % SIDE) as f32 - middle, (pixel / SIDE) as f32 - middle);
        // Where this pixel lay before; ink between four pixels is theirs in parts.
        let from_x = (cos * x + sin * y) * wide + middle + right;
        let from_y = (cos * y - sin * x) * high + middle + down;
        let (left, top) = (from_x.floor(), from_y.floor());
        let (part_x, part_y) = (from_x - left, from_y - top);
        let (left, top) = (left as i32, top as i32);
        let row = |y: i32| ink(left, y) * (1.0 - part_x) + ink(left + 1, y) * part_x;
        let found = row(top) * (1.0 - part_y) + row(top + 1) * part_y;
        found / 127.5 - 1.0
    })
}
