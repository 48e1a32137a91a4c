//! The feature extractor: a small convolutional classifier with fixed weights.

use std::borrow::Cow;

use burn::module::{Module, Param, ParamId};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use gan_core::ImageShape;
use gan_core::stream::{Purpose, normal, stream};
use gan_data::{Dataset, MNIST_SHAPE};
use gan_kernels::{Activation, Convolution, Map, affine, buffer, dense, tensor_data};

/// Output channels of the convolutions, of 3×3 without padding.
const CHANNELS: [usize; 3] = [16, 32, 64];
/// Features of an image: the outputs of the last hidden layer.
pub(crate) const FEATURES: usize = 128;
/// Images in a forward pass.
const CHUNK: usize = 250;
/// Of every hidden layer.
const RELU: Activation = Activation::LeakyRelu(0.0);

/// Orientations of an image that keep its shape.
pub(crate) const ORIENTATIONS: usize = 4;

/// The most classes.
pub(crate) const MAX_CLASSES: usize = 256;

/// What a feature extractor was trained to predict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Predicts {
    /// The label of an image.
    #[default]
    Labels,
    /// By which multiple of 90° a square image was rotated (Gidaris et al. 2018), which needs no
    /// labels; of an image that is not square, whether it was rotated by 180° or mirrored
    /// horizontally or vertically.
    Rotation,
}

impl Predicts {
    /// Labels if both data sets have them, of a number of classes that an extractor can have, else
    /// rotations.
    pub fn of(train: &Dataset, test: &Dataset) -> Self {
        let classes = train.classes().is_some_and(|count| (2..=MAX_CLASSES).contains(&count));
        if classes && test.labels().is_some() { Self::Labels } else { Self::Rotation }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_labels(&self) -> bool {
        *self == Self::Labels
    }
}

/// A fixed classifier of images, and its description.
#[derive(Clone, Debug)]
pub struct FeatureExtractor {
    pub(crate) net: Net,
    pub(crate) about: About,
    pub(crate) digest: String,
    pub(crate) device: Device,
}

/// The description in a feature extractor's file.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    pub name: String,
    /// The training data set's name and digest.
    pub dataset: String,
    pub dataset_digest: String,
    /// Number of classes, or of orientations.
    pub classes: usize,
    /// Share of the test images that are classified correctly.
    pub accuracy: f64,
    /// What is classified; a file without it is of labels.
    #[serde(default, skip_serializing_if = "Predicts::is_labels")]
    pub predicts: Predicts,
    /// Shape of the images; a file without it is for MNIST's.
    #[serde(default = "mnist_shape", skip_serializing_if = "is_mnist_shape")]
    pub shape: ImageShape,
}

const fn mnist_shape() -> ImageShape {
    MNIST_SHAPE
}

fn is_mnist_shape(shape: &ImageShape) -> bool {
    *shape == MNIST_SHAPE
}

/// Features of images and probabilities of what is predicted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extracted {
    /// `[n, FeatureExtractor::FEATURES]`, none below 0.
    pub features: Vec<f32>,
    /// `[n, classes]`, each row summing to 1; of orientations if the extractor has no classes.
    pub probabilities: Vec<f32>,
}

impl FeatureExtractor {
    /// Features of an image.
    pub const FEATURES: usize = FEATURES;
    /// The shortest and the longest side of an image.
    pub const SIDES: [usize; 2] = [7, 64];
    /// The most channels of an image.
    pub const MAX_CHANNELS: usize = 4;

    /// Whether a feature extractor for images of this shape can be trained.
    pub fn supports(shape: ImageShape) -> bool {
        let [low, high] = Self::SIDES;
        [shape.height, shape.width].iter().all(|side| (low..=high).contains(side))
            && (1..=Self::MAX_CHANNELS).contains(&shape.channels)
    }

    /// Its name, such as `mnist-1`.
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// SHA-256 of its file, in hex: results are comparable only if it is the same.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digest of the images that it was trained on.
    pub fn dataset_digest(&self) -> &str {
        &self.about.dataset_digest
    }

    /// The shape of the images that it takes.
    pub fn shape(&self) -> ImageShape {
        self.about.shape
    }

    /// What it was trained to predict.
    pub fn predicts(&self) -> Predicts {
        self.about.predicts
    }

    /// Its test accuracy, in [0, 1], in what it predicts.
    pub fn accuracy(&self) -> f64 {
        self.about.accuracy
    }

    /// Number of classes, if it predicts labels.
    pub fn classes(&self) -> Option<usize> {
        self.about.predicts.is_labels().then_some(self.about.classes)
    }

    /// Extracts the features of images, `[n, height, width, channels]` row-major, 0 (black) to
    /// 255. `observe` is called now and then with the number of images done. The features of an
    /// image do not depend on the others.
    ///
    /// # Panics
    /// When `images` is not a whole number of images.
    pub fn extract(&self, images: &[u8], observe: &(dyn Fn(usize) + Sync)) -> Extracted {
        let len = self.shape().len();
        assert!(images.len().is_multiple_of(len), "not a whole number of images");
        let mut extracted = Extracted::default();
        for chunk in images.chunks(CHUNK * len) {
            let part = self.extract_chunk(chunk);
            extracted.features.extend(part.features);
            extracted.probabilities.extend(part.probabilities);
            observe(extracted.features.len() / FEATURES);
        }
        extracted
    }

    fn extract_chunk(&self, images: &[u8]) -> Extracted {
        let features = self.net.features(pixels(images, self.shape(), &self.device), None);
        let probabilities = softmax(self.net.logits(features.clone()), 1);
        let numbers = |tensor: Tensor<2>| tensor.into_data().iter::<f32>().collect();
        Extracted { features: numbers(features), probabilities: numbers(probabilities) }
    }

    /// The share of images that are classified correctly, each in one orientation if orientations
    /// are predicted; `None` if labels are predicted and the data set has none.
    ///
    /// # Panics
    /// When the images have another shape.
    pub fn accuracy_on(&self, images: &Dataset) -> Option<f64> {
        let targets = Targets::new(self.predicts(), images)?;
        assert_eq!(images.shape(), self.shape(), "images of another shape");
        let indices: Vec<usize> = (0..images.len()).collect();
        let correct = |chunk: &[usize]| {
            let pixels: Vec<u8> =
                chunk.iter().flat_map(|&i| targets.image(images, i, i).into_owned()).collect();
            let extracted = self.extract(&pixels, &|_| ());
            let found = crate::classes::labels(&extracted.probabilities, self.about.classes);
            let pairs = found.into_iter().zip(chunk);
            pairs.filter(|&(found, &i)| found == targets.of(i, i)).count()
        };
        let correct: usize = indices.chunks(2 * CHUNK).map(correct).sum();
        Some(correct as f64 / images.len() as f64)
    }
}

/// What is predicted of the images of a data set.
pub(crate) enum Targets<'a> {
    Labels(&'a [u16]),
    Rotation,
}

impl<'a> Targets<'a> {
    /// `None` if labels are predicted and the data set has none.
    pub fn new(predicts: Predicts, images: &'a Dataset) -> Option<Self> {
        match predicts {
            Predicts::Labels => images.labels().map(Self::Labels),
            Predicts::Rotation => Some(Self::Rotation),
        }
    }

    /// Image `index`, as it is classified at `position` of a sequence.
    pub fn image<'b>(&self, images: &'b Dataset, index: usize, position: usize) -> Cow<'b, [u8]> {
        match self {
            Self::Labels(_) => images.image(index).into(),
            Self::Rotation => oriented(images.image(index), images.shape(), position).into(),
        }
    }

    /// What is to be predicted of image `index` at `position`.
    pub fn of(&self, index: usize, position: usize) -> usize {
        match self {
            Self::Labels(labels) => labels[index].into(),
            Self::Rotation => position % ORIENTATIONS,
        }
    }
}

/// A square image rotated by `orientation` times 90°; another one as it is, mirrored horizontally,
/// rotated by 180° or mirrored vertically.
fn oriented(image: &[u8], shape: ImageShape, orientation: usize) -> Vec<u8> {
    let ImageShape { channels, height, width } = shape;
    let [right, bottom] = [width - 1, height - 1];
    let square = width == height;
    let mut oriented = Vec::with_capacity(image.len());
    for index in 0..height * width {
        let (x, y) = (index % width, index / width);
        let (x, y) = match orientation % ORIENTATIONS {
            0 => (x, y),
            1 if square => (right - y, x),
            1 => (right - x, y),
            2 => (right - x, bottom - y),
            _ if square => (y, bottom - x),
            _ => (x, bottom - y),
        };
        oriented.extend_from_slice(&image[(y * width + x) * channels..][..channels]);
    }
    oriented
}

/// Bytes as `[n, height · width · channels]` in [−1, 1].
fn pixels(images: &[u8], shape: ImageShape, device: &Device) -> Tensor<2> {
    let mut numbers = buffer(images.len());
    numbers.iter_mut().zip(images).for_each(|(x, &byte)| *x = f32::from(byte) / 127.5 - 1.0);
    input(numbers, shape, device)
}

/// Pixels `[n, height, width, channels]` as rows.
pub(crate) fn input(pixels: Vec<f32>, shape: ImageShape, device: &Device) -> Tensor<2> {
    let count = pixels.len() / shape.len();
    Tensor::from_data(tensor_data(pixels, [count, shape.len()]), device)
}

/// The convolutions' shapes. Small images are not halved.
pub(crate) fn convolutions(shape: ImageShape) -> [Convolution; 3] {
    let ImageShape { mut channels, mut height, mut width } = shape;
    let mut layer = 0;
    CHANNELS.map(|filters| {
        let halved = layer > 0 && height >= 12 && width >= 12;
        let stride = if halved { 2 } else { 1 };
        let convolution = Convolution { height, width, channels, kernel: 3, stride, padding: 0 };
        [height, width] = convolution.output_size();
        (channels, layer) = (filters, layer + 1);
        convolution
    })
}

/// The values in the output of the last convolution.
pub(crate) fn flat(shape: ImageShape) -> usize {
    convolutions(shape)[2].positions() * CHANNELS[2]
}

/// The classifier's layers.
///
/// The default has none: `std::mem::take` leaves it behind.
#[derive(Module, Debug, Default)]
pub(crate) struct Net {
    /// With weights `[outputs, inputs, 3, 3]`.
    convolutions: Vec<Layer<4>>,
    /// With weights `[inputs, outputs]`.
    layers: Vec<Layer<2>>,
    #[module(skip)]
    shapes: Vec<Convolution>,
}

#[derive(Module, Debug)]
struct Layer<const D: usize> {
    weight: Param<Tensor<D>>,
    bias: Param<Tensor<1>>,
}

impl Net {
    /// A classifier before training.
    pub(crate) fn init(shape: ImageShape, classes: usize, seed: u64, device: &Device) -> Self {
        let (kernels, layers) = sizes(shape, classes);
        let convolution = |([inputs, outputs], layer): ([usize; 2], u64)| {
            Layer::init([outputs, inputs, 3, 3], outputs, seed, layer, device)
        };
        let dense = |([inputs, outputs], layer): ([usize; 2], u64)| {
            Layer::init([inputs, outputs], outputs, seed, layer, device)
        };
        Self {
            convolutions: kernels.into_iter().zip(0..).map(convolution).collect(),
            layers: layers.into_iter().zip(3..).map(dense).collect(),
            shapes: convolutions(shape).to_vec(),
        }
    }

    /// Number of weights and biases.
    pub(crate) fn parameters(shape: ImageShape, classes: usize) -> usize {
        let (kernels, layers) = sizes(shape, classes);
        kernels.iter().map(|[inputs, outputs]| (9 * inputs + 1) * outputs).sum::<usize>()
            + layers.iter().map(|[inputs, outputs]| (inputs + 1) * outputs).sum::<usize>()
    }

    /// `[n, height · width · channels]` in [−1, 1] to `[n, FEATURES]`, none below 0; the inputs of
    /// the last hidden layer are multiplied by `mask` if there is one.
    pub(crate) fn features(&self, mut x: Tensor<2>, mask: Option<Tensor<2>>) -> Tensor<2> {
        for (layer, &shape) in self.convolutions.iter().zip(&self.shapes) {
            let weight = layer.weight.val();
            let [filters, _, _, _] = weight.dims();
            let weight = weight.permute([2, 3, 1, 0]).reshape([shape.taps(), filters]);
            x = affine(Map::Convolution(shape), x, weight, layer.bias.val(), RELU);
        }
        let x = match mask {
            Some(mask) => x * mask,
            None => x,
        };
        // The file has these weights by channel, row and column, the values are by row first.
        let weight = self.layers[0].weight.val();
        let [rows, columns] = self.shapes[2].output_size();
        let weight = weight.reshape([CHANNELS[2], rows, columns, FEATURES]).permute([1, 2, 0, 3]);
        let weight = weight.reshape([x.dims()[1], FEATURES]);
        dense(x, weight, self.layers[0].bias.val(), RELU)
    }

    /// `[n, FEATURES]` to logits `[n, classes]`.
    pub(crate) fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        let Layer { weight, bias } = &self.layers[1];
        dense(features, weight.val(), bias.val(), Activation::None)
    }
}

/// Inputs and outputs of the convolutions and of the dense layers.
fn sizes(shape: ImageShape, classes: usize) -> ([[usize; 2]; 3], [[usize; 2]; 2]) {
    let [a, b, c] = CHANNELS;
    ([[shape.channels, a], [a, b], [b, c]], [[flat(shape), FEATURES], [FEATURES, classes]])
}

impl<const D: usize> Layer<D> {
    /// Weights before training: normal with variance 2 / inputs of an output (He et al. 2015,
    /// equation 10). `index` is the layer's among all.
    fn init(shape: [usize; D], outputs: usize, seed: u64, index: u64, device: &Device) -> Self {
        let count: usize = shape.iter().product();
        let scale = (2.0 / (count / outputs) as f32).sqrt();
        let weights = normal(&mut stream(seed, Purpose::ExtractorWeights, index), count);
        let weights: Vec<f32> = weights.into_iter().map(|x| x * scale).collect();
        let weights = Tensor::from_data(TensorData::new(weights, shape), device);
        let bias = Tensor::zeros([outputs], device);
        Self { weight: parameter(2 * index, weights), bias: parameter(2 * index + 1, bias) }
    }
}

fn parameter<const D: usize>(id: u64, value: Tensor<D>) -> Param<Tensor<D>> {
    Param::initialized(ParamId::from(3_000 + id), value).set_require_grad(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientations_keep_the_shape_and_are_distinct() {
        let orientations =
            |image: &[u8], shape| [0, 1, 2, 3].map(|turn| oriented(image, shape, turn));
        let square = ImageShape::grey(2, 2);
        let expected = [[1, 2, 3, 4], [2, 4, 1, 3], [4, 3, 2, 1], [3, 1, 4, 2]];
        assert_eq!(orientations(&[1, 2, 3, 4], square), expected.map(Vec::from));
        let wide = ImageShape { channels: 2, height: 1, width: 2 };
        let tall = ImageShape { channels: 1, height: 2, width: 1 };
        assert_eq!(orientations(&[1, 2, 3, 4], wide)[1], [3, 4, 1, 2], "channels keep together");
        assert_eq!(orientations(&[1, 2], tall)[3], [2, 1]);
        assert_eq!(oriented(&[1, 2], tall, 6), oriented(&[1, 2], tall, 2), "they repeat");
    }
}
