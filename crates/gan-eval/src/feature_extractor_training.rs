//! Training of a feature extractor: a classifier of augmented images.

use std::f64::consts::PI;
use std::mem;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use gan_core::ImageShape;
use gan_core::stream::{Purpose, fill_dropout, stream};
use gan_data::Dataset;
use gan_model::device::is_cpu;
use gan_model::{Adam, AdamConfig, Ema, loss, one_hot};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::FeatureExtractorError;
use crate::feature_extractor::{
    About, FEATURES, FeatureExtractor, MAX_CLASSES, Net, ORIENTATIONS, Predicts, Targets, flat,
    input,
};

/// Passes over the images, and the fewest updates: small data sets get more passes.
const PASSES: u64 = 10;
const UPDATES: u64 = 1_000;
const BATCH: usize = 128;
/// Adam's first step size, which falls as half a cosine.
const RATE: f64 = 1e-3;
const DECAY: f64 = 0.999;
/// Dropout rates before the last hidden layer and after it.
const DROPOUT: [f64; 2] = [0.25, 0.5];

/// Progress of a training.
#[derive(Clone, Copy, Debug)]
pub struct ExtractorProgress {
    /// Updates done.
    pub done: u64,
    /// Updates in all.
    pub total: u64,
    /// Cross-entropy of the latest batch.
    pub loss: f32,
}

/// Trains a feature extractor called `name` to predict the labels of images or something that
/// needs no labels, and measures its accuracy on `test`. On a CPU, equal seeds give equal files.
///
/// Each image is rotated, scaled and shifted a little, anew in every pass, so that the features
/// are of what is shown and not of where. Dropout (Srivastava et al. 2014) makes features of
/// training images like those of new ones: without it, real training images measured in place of
/// samples are half as far from the test images as the samples of a mediocre GAN. The result is
/// the moving average of the weights.
///
/// # Errors
/// When labels are predicted and a data set has none or too many classes, images are too small, too
/// large or of two sizes, or the weights cannot be read back from the device.
pub fn train_feature_extractor(
    name: &str,
    train: &Dataset,
    test: &Dataset,
    predicts: Predicts,
    seed: u64,
    device: &Device,
    mut observe: impl FnMut(ExtractorProgress),
) -> Result<FeatureExtractor, FeatureExtractorError> {
    let shape = train.shape();
    if !FeatureExtractor::supports(shape) {
        return Err(FeatureExtractorError::Shape(shape));
    }
    if test.shape() != shape {
        return Err(FeatureExtractorError::Shapes { train: shape, test: test.shape() });
    }
    let no_labels = |images: &Dataset| FeatureExtractorError::NoLabels(images.name().into());
    let targets = Targets::new(predicts, train).ok_or_else(|| no_labels(train))?;
    if Targets::new(predicts, test).is_none() {
        return Err(no_labels(test));
    }
    let classes = match predicts {
        Predicts::Labels => train.classes().unwrap_or(0).max(2),
        Predicts::Rotation => ORIENTATIONS,
    };
    if classes > MAX_CLASSES {
        return Err(FeatureExtractorError::Classes(classes));
    }
    let mut net = Net::init(shape, classes, seed, device).train();
    let mut averaged = net.valid();
    let mut adam =
        Adam::new(AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, is_cpu(device));
    let per_pass = train.len().div_ceil(BATCH) as u64;
    let passes = PASSES.max(UPDATES.div_ceil(per_pass));
    let total = passes * per_pass;
    let mut done = 0;
    for pass in 0..passes {
        let mut order: Vec<usize> = (0..train.len()).collect();
        order.shuffle(&mut stream(seed, Purpose::ExtractorOrder, pass));
        for batch in order.chunks(BATCH) {
            let mut rng = stream(seed, Purpose::ExtractorWarp, done);
            let numbered = || batch.iter().copied().zip(0..);
            let images = numbered().map(|(index, position)| targets.image(train, index, position));
            let images = images.flat_map(|image| warp(&image, shape, &mut rng)).collect();
            let images = input(images, shape, device).autodiff();
            let masks = [(flat(shape), 0), (FEATURES, 1)].map(|(units, layer)| {
                let mut mask = vec![0.0; batch.len() * units];
                let mut rng = stream(seed, Purpose::ExtractorDropout, 2 * done + layer as u64);
                fill_dropout(&mut rng, DROPOUT[layer], &mut mask);
                let mask = TensorData::new(mask, [batch.len(), units]);
                Tensor::<2>::from_data(mask, device).autodiff()
            });
            let [before, after] = masks;
            let logits = net.logits(net.features(images, Some(before)) * after);
            let batch_targets = numbered().map(|(index, position)| targets.of(index, position));
            let loss = cross_entropy(logits, batch_targets, device);
            let gradients = loss.backward();
            let rate = RATE * (0.5 + 0.5 * libm::cos(PI * done as f64 / total as f64));
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
        predicts,
        shape,
    };
    let extractor =
        FeatureExtractor { net: averaged, about, digest: String::new(), device: device.clone() };
    // The file has half precision, so its accuracy is measured.
    let reload = |extractor: &FeatureExtractor| {
        FeatureExtractor::decode(&extractor.encode()?, device).map_err(FeatureExtractorError::Pack)
    };
    let mut extractor = reload(&extractor)?;
    extractor.about.accuracy = extractor.accuracy_on(test).ok_or_else(|| no_labels(test))?;
    reload(&extractor)
}

fn cross_entropy(
    logits: Tensor<2>,
    targets: impl Iterator<Item = usize>,
    device: &Device,
) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    let targets: Vec<u16> = targets.map(|target| target as u16).collect();
    let one_hot = TensorData::new(one_hot(&targets, classes), [rows, classes]);
    loss::classes(logits, Tensor::<2>::from_data(one_hot, device).autodiff())
}

/// An image rotated by up to 12°, scaled by up to a tenth each way and shifted by up to a
/// fourteenth of its sides, in [−1, 1].
fn warp(image: &[u8], shape: ImageShape, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let ImageShape { channels, height, width } = shape;
    let mut within = |limit: f32| rng.random_range(-limit..limit);
    let (sin, cos) = within(0.21).sin_cos();
    let [wide, high] = [1.0 + within(0.1), 1.0 + within(0.1)];
    let [right, down] = [within(width as f32 / 14.0), within(height as f32 / 14.0)];
    let [centre_x, centre_y] = [width, height].map(|side| (side as f32 - 1.0) / 2.0);
    let pixel = |x: i32, y: i32, channel: usize| match (usize::try_from(x), usize::try_from(y)) {
        (Ok(x), Ok(y)) if x < width && y < height => {
            f32::from(image[(y * width + x) * channels + channel])
        }
        _ => 0.0,
    };
    let mut warped = Vec::with_capacity(shape.len());
    for index in 0..height * width {
        let (x, y) = ((index % width) as f32 - centre_x, (index / width) as f32 - centre_y);
        // Where this pixel comes from, between four pixels.
        let from_x = (cos * x + sin * y) * wide + centre_x + right;
        let from_y = (cos * y - sin * x) * high + centre_y + down;
        let (left, top) = (from_x.floor(), from_y.floor());
        let (part_x, part_y) = (from_x - left, from_y - top);
        let (left, top) = (left as i32, top as i32);
        for channel in 0..channels {
            let row = |y: i32| {
                pixel(left, y, channel) * (1.0 - part_x) + pixel(left + 1, y, channel) * part_x
            };
            let value = row(top) * (1.0 - part_y) + row(top + 1) * part_y;
            warped.push(value / 127.5 - 1.0);
        }
    }
    warped
}

#[cfg(test)]
mod tests {
    use gan_core::stream::normal;

    use super::*;
    use crate::{Options, Reference};

    /// Colour images of two classes, one red and one blue, with noise.
    fn colours(count: usize, seed: u64) -> Dataset {
        let shape = ImageShape { channels: 3, height: 8, width: 9 };
        let noise = normal(&mut stream(seed, Purpose::Sample, 0), count * shape.len());
        let value = |index: usize| if index / shape.len() % 2 == index % 3 { 200.0 } else { 50.0 };
        let pixels = noise.iter().enumerate().map(|(index, x)| (value(index) + 20.0 * x) as u8);
        let labels = (0..count).map(|image| (image % 2) as u16).collect();
        let images = Dataset::new("colours", shape, pixels.collect()).unwrap();
        images.with_labels(labels, vec![]).unwrap()
    }

    #[test]
    fn an_extractor_for_small_colour_images_learns_their_classes() {
        let (train, test) = (colours(640, 1), colours(100, 2));
        let device = Device::flex();
        let make = || trained(&train, &test, &device);
        let extractor = make();
        assert_eq!((extractor.shape(), extractor.classes()), (train.shape(), Some(2)));
        assert!(extractor.accuracy() > 0.95, "{}", extractor.accuracy());
        assert_eq!(extractor.digest(), make().digest(), "equal seeds, equal files");
    }

    /// Unlabelled colour images of two kinds, with a red or a blue corner.
    fn corners(width: usize, count: usize, seed: u64) -> Dataset {
        let shape = ImageShape { channels: 3, height: 8, width };
        let noise = normal(&mut stream(seed, Purpose::Sample, 0), count * shape.len());
        let value = |index: usize| {
            let (image, pixel, channel) = (index / shape.len(), index / 3 % (8 * width), index % 3);
            let corner = pixel % width < 3 && pixel / width < 4;
            if corner && channel == image % 2 * 2 { 200.0 } else { 50.0 }
        };
        let pixels = noise.iter().enumerate().map(|(index, x)| (value(index) + 20.0 * x) as u8);
        Dataset::new("corners", shape, pixels.collect()).unwrap()
    }

    fn trained(train: &Dataset, test: &Dataset, device: &Device) -> FeatureExtractor {
        let predicts = Predicts::of(train, test);
        train_feature_extractor("tiny", train, test, predicts, 0, device, |_| ()).unwrap()
    }

    #[test]
    fn images_without_labels_train_an_extractor_that_predicts_rotations() {
        let device = Device::flex();
        for width in [8, 9] {
            let (train, test) = (corners(width, 640, 1), corners(width, 100, 2));
            let extractor = trained(&train, &test, &device);
            assert_eq!((extractor.predicts(), extractor.classes()), (Predicts::Rotation, None));
            assert!(extractor.accuracy() > 0.95, "{}", extractor.accuracy());
            assert_eq!(extractor.accuracy_on(&test), Some(extractor.accuracy()));
            let again = trained(&train, &test, &device);
            assert_eq!(extractor.digest(), again.digest(), "equal seeds, equal files");
        }
    }

    #[test]
    fn measures_without_classes_rank_copies_above_noise() {
        let device = Device::flex();
        let (train, test) = (corners(8, 640, 1), corners(8, 200, 2));
        let extractor = trained(&train, &test, &device);
        let extract = |images: &[u8]| extractor.extract(images, &|_| ());
        let reference = Reference::new(&extractor, extract(test.images()));
        let copies: Vec<u8> = test.images().iter().map(|&pixel| pixel.saturating_add(3)).collect();
        let noise = normal(&mut stream(3, Purpose::Sample, 0), copies.len());
        let noise: Vec<u8> = noise.iter().map(|x| (90.0 + 60.0 * x) as u8).collect();
        let [copies, noise] = [copies, noise]
            .map(|images| reference.evaluate(&extract(&images), None, Options::default()));
        assert!(copies.frechet.value < noise.frechet.value / 10.0, "{copies:?}, {noise:?}");
        assert!(copies.precision.value > noise.precision.value + 0.5, "{copies:?}, {noise:?}");
        assert!(copies.coverage.value > noise.coverage.value + 0.5, "{copies:?}, {noise:?}");
        assert_eq!(copies.classes, None);
    }

    #[test]
    fn images_without_labels_or_of_another_size_or_of_many_classes_are_refused() {
        let train = |train: &Dataset, test: &Dataset| {
            let (labels, device) = (Predicts::Labels, Device::flex());
            let error = train_feature_extractor("none", train, test, labels, 0, &device, |_| ());
            error.map(|_| ()).unwrap_err().to_string()
        };
        let labelled = colours(2, 1);
        let images = |side: usize| {
            let shape = ImageShape::grey(side, side);
            Dataset::new("mine", shape, vec![0; shape.len()]).unwrap()
        };
        assert!(train(&images(8), &images(8)).contains("\"mine\" has no labels"));
        assert!(train(&images(6), &images(6)).contains("images of 6x6 are too small"));
        let error = train(&labelled, &images(8));
        assert!(error.contains("9x8") && error.contains("test images of 8x8"), "{error}");
        let many = images(8).with_labels(vec![256], Vec::new()).unwrap();
        assert!(train(&many, &many).contains("257 classes are too many"));
    }
}
