//! The ruler: a small convolutional classifier, frozen, and what it sees in images.

use burn::module::{Module, Param, ParamId};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use gan_core::stream::{Purpose, normal, stream};
use gan_data::{IMAGE_LEN, SIDE};
use gan_kernels::{buffer, tensor_data};

/// Channels in front of, between and behind the convolutions, of 3×3 without padding.
const CHANNELS: [usize; 4] = [1, 16, 32, 64];
/// Steps of the convolutions: 28 pixels become 26, 12 and 5.
const STRIDES: [usize; 3] = [1, 2, 2];
pub(crate) const FLAT: usize = CHANNELS[3] * 5 * 5;
/// Features of an image: the outputs of the last hidden layer.
pub(crate) const FEATURES: usize = 128;
/// Images looked at in one go by each thread.
const CHUNK: usize = 250;

/// A frozen classifier of 28×28 images, and what it is called.
#[derive(Clone, Debug)]
pub struct FeatureExtractor {
    pub(crate) net: Net,
    pub(crate) about: About,
    pub(crate) digest: String,
    pub(crate) device: Device,
}

/// What a ruler says of itself.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    pub name: String,
    /// What it learnt from: the data set's name and digest.
    pub dataset: String,
    pub dataset_digest: String,
    pub classes: usize,
    /// Share of the test images that it takes for what they are.
    pub accuracy: f64,
}

/// What a ruler sees in images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extracted {
    /// `[n, FeatureExtractor::FEATURES]`, none below 0.
    pub features: Vec<f32>,
    /// `[n, classes]`, each row summing to 1.
    pub probabilities: Vec<f32>,
}

impl FeatureExtractor {
    /// Features of an image.
    pub const FEATURES: usize = FEATURES;

    /// Its name, such as `mnist-1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// SHA-256 of its file, in hex: two results compare if this is the same.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digest of the images that it learnt from.
    #[must_use]
    pub fn dataset_digest(&self) -> &str {
        &self.about.dataset_digest
    }

    /// Share of the test images that it takes for what they are.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.about.accuracy
    }

    /// Classes that it tells apart.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.about.classes
    }

    /// Looks at images, `[n, 28, 28]` row-major, 0 (paper) to 255 (ink). `observe` is told how
    /// many are done, now and then. An image is seen alike in any company.
    ///
    /// # Panics
    /// When the images are not whole.
    #[must_use]
    pub fn look(&self, images: &[u8], observe: &(dyn Fn(usize) + Sync)) -> Extracted {
        assert!(images.len().is_multiple_of(IMAGE_LEN), "images must be whole");
        let mut seen = Extracted::default();
        for pair in images.chunks(2 * CHUNK * IMAGE_LEN) {
            let (first, second) = pair.split_at((CHUNK * IMAGE_LEN).min(pair.len()));
            let (first, second) =
                gan_kernels::join(|| self.look_at(first), || self.look_at(second));
            for part in [first, second] {
                seen.features.extend(part.features);
                seen.probabilities.extend(part.probabilities);
            }
            observe(seen.features.len() / FEATURES);
        }
        seen
    }

    fn look_at(&self, images: &[u8]) -> Extracted {
        if images.is_empty() {
            return Extracted::default();
        }
        let features = self.net.features(pixels(images, &self.device), None);
        let probabilities = softmax(self.net.logits(features.clone()), 1);
        let numbers = |tensor: Tensor<2>| tensor.into_data().iter::<f32>().collect();
        Extracted { features: numbers(features), probabilities: numbers(probabilities) }
    }

    /// The share of images, `[n, 28, 28]`, that are taken for what `labels` say.
    #[must_use]
    pub(crate) fn accuracy_on(&self, images: &[u8], labels: &[u8]) -> f64 {
        let seen = self.look(images, &|_| ());
        let found = crate::classes::labels(&seen.probabilities, self.classes());
        let right = found.iter().zip(labels).filter(|(found, label)| **found == **label as usize);
        right.count() as f64 / labels.len() as f64
    }
}

/// Images of bytes as `[n, 1, 28, 28]` in [−1, 1].
fn pixels(images: &[u8], device: &Device) -> Tensor<4> {
    let mut numbers = buffer(images.len());
    numbers.iter_mut().zip(images).for_each(|(x, &byte)| *x = f32::from(byte) / 127.5 - 1.0);
    let shape = [images.len() / IMAGE_LEN, 1, SIDE, SIDE];
    Tensor::from_data(tensor_data(numbers, shape), device)
}

/// The classifier's layers.
///
/// The default has none: it is what `std::mem::take` leaves behind.
#[derive(Module, Debug, Default)]
pub(crate) struct Net {
    convolutions: Vec<Convolution>,
    layers: Vec<Layer>,
}

/// Weights `[outputs, inputs, 3, 3]` and biases.
#[derive(Module, Debug)]
struct Convolution {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
}

/// Weights `[inputs, outputs]` and biases.
#[derive(Module, Debug)]
struct Layer {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Net {
    /// Weights before training: normal with variance 2 / inputs (He et al. 2015, equation 10).
    pub(crate) fn init(classes: usize, seed: u64, device: &Device) -> Self {
        let numbers = |layer: u64, inputs: usize, count: usize| {
            let scale = (2.0 / inputs as f32).sqrt();
            let numbers = normal(&mut stream(seed, Purpose::ExtractorWeights, layer), count);
            numbers.into_iter().map(|x| x * scale).collect::<Vec<f32>>()
        };
        let bias = |layer: u64, outputs| parameter(2 * layer + 1, Tensor::zeros([outputs], device));
        let convolution = |(pair, layer): (&[usize], u64)| {
            let shape = [pair[1], pair[0], 3, 3];
            let weights = numbers(layer, 9 * pair[0], shape.iter().product());
            let weights = Tensor::from_data(TensorData::new(weights, shape), device);
            Convolution { weight: parameter(2 * layer, weights), bias: bias(layer, pair[1]) }
        };
        let dense = |([inputs, outputs], layer): ([usize; 2], u64)| {
            let weights = numbers(layer, inputs, inputs * outputs);
            let weights = Tensor::from_data(TensorData::new(weights, [inputs, outputs]), device);
            Layer { weight: parameter(2 * layer, weights), bias: bias(layer, outputs) }
        };
        Self {
            convolutions: CHANNELS.windows(2).zip(0..).map(convolution).collect(),
            layers: [[FLAT, FEATURES], [FEATURES, classes]]
                .into_iter()
                .zip(3..)
                .map(dense)
                .collect(),
        }
    }

    /// `[n, 1, 28, 28]` in [−1, 1] to `[n, FEATURES]`, none below 0; what goes into the last
    /// hidden layer, `[n, FLAT]`, is multiplied by `mask` if there is one.
    pub(crate) fn features(&self, mut x: Tensor<4>, mask: Option<Tensor<2>>) -> Tensor<2> {
        for (layer, stride) in self.convolutions.iter().zip(STRIDES) {
            let options = ConvOptions::new([stride; 2], [0; 2], [1; 2], 1);
            x = relu(conv2d(x, layer.weight.val(), Some(layer.bias.val()), options));
        }
        let flat = x.flatten(1, 3);
        relu(self.layers[0].forward(match mask {
            Some(mask) => flat * mask,
            None => flat,
        }))
    }

    /// `[n, FEATURES]` to logits `[n, classes]`.
    pub(crate) fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        self.layers[1].forward(features)
    }
}

impl Layer {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val()) + self.bias.val().unsqueeze()
    }
}

fn parameter<const D: usize>(id: u64, value: Tensor<D>) -> Param<Tensor<D>> {
    Param::initialized(ParamId::from(3_000 + id), value).set_require_grad(true)
}
