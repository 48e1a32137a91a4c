//! How a ruler is made: a classifier learns from bent images, and its average is kept.

use std::f64::consts::PI;
use std::mem;

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use gan_data::{Dataset, IMAGE_LEN, SIDE};
use gan_model::device::is_cpu;
use gan_model::stream::{Purpose, stream};
use gan_optim::{Adam, Average, Betas};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::RulerError;
use crate::ruler::{About, Net, Ruler};

const PASSES: u64 = 12;
const BATCH: usize = 128;
/// Adam's largest step size, from which it falls as half a cosine.
const RATE: f64 = 2e-3;
const DECAY: f64 = 0.999;

/// How far a training is.
#[derive(Clone, Copy, Debug)]
pub struct RulerProgress {
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
/// sees what is written and not where. What is kept is the average of the weights.
///
/// # Errors
/// When the weights cannot be read back from the device.
pub fn train_ruler(
    name: &str,
    train: &Dataset,
    test: &Dataset,
    seed: u64,
    device: &Device,
    mut observe: impl FnMut(RulerProgress),
) -> Result<Ruler, RulerError> {
    let classes = 1 + train.labels().iter().copied().max().map_or(0, usize::from).max(1);
    let mut net = Net::init(classes, seed, device).train();
    let mut averaged = net.valid();
    let mut adam = Adam::new(Betas { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, is_cpu(device));
    let total = PASSES * train.len().div_ceil(BATCH) as u64;
    let mut done = 0;
    for pass in 0..PASSES {
        let mut order: Vec<usize> = (0..train.len()).collect();
        order.shuffle(&mut stream(seed, Purpose::RulerOrder, pass));
        for batch in order.chunks(BATCH) {
            let mut rng = stream(seed, Purpose::RulerWarp, done);
            let images: Vec<f32> =
                batch.iter().flat_map(|&index| bent(train.image(index), &mut rng)).collect();
            let shape = [batch.len(), 1, SIDE, SIDE];
            let images = Tensor::from_data(TensorData::new(images, shape), device).autodiff();
            let loss = cross_entropy(&net, images, train, batch, classes, device);
            let gradients = loss.backward();
            let rate = RATE * (0.5 + 0.5 * (PI * done as f64 / total as f64).cos());
            done += 1;
            let decay = DECAY.min((1.0 + done as f64) / (10.0 + done as f64));
            let mut average = Average::of(averaged, decay);
            net = adam.update(mem::take(&mut net), gradients, Some(&mut average), done, rate);
            averaged = average.place(&net);
            if done.is_multiple_of(20) || done == total {
                observe(RulerProgress { done, total, loss: loss.into_scalar() });
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
    let mut ruler = Ruler { net: averaged, about, digest: String::new(), device: device.clone() };
    ruler.about.accuracy = ruler.accuracy_on(test.images(), test.labels());
    // What will be read again: half precision, with the digest of its bytes.
    Ruler::decode(&ruler.encode()?, device).map_err(RulerError::Pack)
}

fn cross_entropy(
    net: &Net,
    images: Tensor<4>,
    train: &Dataset,
    batch: &[usize],
    classes: usize,
    device: &Device,
) -> Tensor<1> {
    let mut wanted = vec![0.0_f32; batch.len() * classes];
    for (row, &index) in wanted.chunks_exact_mut(classes).zip(batch) {
        row[train.labels()[index] as usize] = 1.0;
    }
    let wanted = TensorData::new(wanted, [batch.len(), classes]);
    let wanted = Tensor::<2>::from_data(wanted, device).autodiff();
    let logits = net.logits(net.features(images));
    (log_softmax(logits, 1) * wanted).sum().mul_scalar(-1.0 / batch.len() as f64)
}

/// An image turned by up to 12°, stretched by up to a tenth each way and shifted by up to two
/// pixels, in [−1, 1].
fn bent(image: &[u8], rng: &mut ChaCha8Rng) -> [f32; IMAGE_LEN] {
    let mut within = |limit: f32| rng.random_range(-limit..limit);
    let (sin, cos) = within(0.21).sin_cos();
    let [wide, high] = [1.0 + within(0.1), 1.0 + within(0.1)];
    let [right, down] = [within(2.0), within(2.0)];
    let middle = (SIDE as f32 - 1.0) / 2.0;
    let ink = |x: i32, y: i32| {
        let inside = (0..SIDE as i32).contains(&x) && (0..SIDE as i32).contains(&y);
        if inside { f32::from(image[y as usize * SIDE + x as usize]) } else { 0.0 }
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
