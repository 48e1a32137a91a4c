//! A small U-Net (Ronneberger et al. 2015): convolutions down to a quarter of the resolution, two dense
//! layers over the whole image, its time and its class, and transposed convolutions back to the full
//! resolution, with a skip connection at each resolution.
//!
//! Images are rows of values, `[batch, height · width · channels]`, with the channels last.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use gan_core::ImageShape;
use gan_kernels::{Activation, Convolution, Map, affine};
use one_net::{one_hot, weights};

const HIDDEN: Activation = Activation::LeakyRelu(0.2);
/// Length of the embedding of the time: sines and cosines.
pub const TIMES: usize = 16;

/// A dense layer, convolution or transposed convolution with its activation.
#[derive(Module, Debug)]
struct Layer {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    map: Map,
    #[module(skip)]
    activation: Activation,
}

/// Predicts images from points between noise and images.
#[derive(Module, Debug)]
pub struct UNet {
    first: Layer,
    down: Vec<Layer>,
    whole: Vec<Layer>,
    up: Vec<Layer>,
    last: Layer,
    positions: [usize; 2],
}

impl UNet {
    /// A net for images whose sides are multiples of 4, with or without one of `classes` classes; the
    /// seed decides the initial weights.
    pub fn new(
        image: ImageShape,
        classes: usize,
        filters: usize,
        seed: u64,
        device: &Device,
    ) -> Self {
        let mut index = 0;
        let mut layer = |map: Map, weight: [usize; 2], fan_in: usize, activation| {
            // He et al. 2015, equation 10; the last layer begins near zero.
            let gain: f32 = if activation == HIDDEN { 2.0 } else { 0.01 };
            let scale = (gain / fan_in as f32).sqrt();
            index += 1;
            let bias = Tensor::zeros([map.channels(weight)], device);
            Layer {
                weight: weights(seed, index, weight, scale, device),
                bias: Param::from_tensor(bias),
                map,
                activation,
            }
        };
        let shape = |[height, width]: [usize; 2], channels, kernel, stride| Convolution {
            height,
            width,
            channels,
            kernel,
            stride,
            padding: 1,
        };
        let full = [image.height, image.width];
        let [half, quarter] = [2, 4].map(|part| full.map(|side| side / part));
        let [wide, wider] = [2 * filters, 4 * filters];
        let convolution =
            |of: Convolution, filters, layer: &mut dyn FnMut(_, _, _, _) -> Layer, activation| {
                layer(Map::Convolution(of), [of.taps(), filters], of.taps(), activation)
            };
        // The time is an additional channel of the images.
        let first = convolution(shape(full, image.channels + 1, 3, 1), filters, &mut layer, HIDDEN);
        let down = vec![
            convolution(shape(full, filters, 4, 2), wide, &mut layer, HIDDEN),
            convolution(shape(half, wide, 4, 2), wider, &mut layer, HIDDEN),
        ];
        let deep = quarter[0] * quarter[1] * wider;
        let units = 16 * filters;
        let mut dense = |inputs, units| layer(Map::Dense, [inputs, units], inputs, HIDDEN);
        let whole = vec![dense(deep + classes + 1 + TIMES, units), dense(units, deep)];
        // A quarter of the 16 taps reach each pixel.
        let mut transposed = |size, channels, inputs| {
            let of = shape(size, channels, 4, 2);
            layer(Map::Transposed(of), [of.taps(), inputs], 4 * inputs, HIDDEN)
        };
        let up = vec![transposed(half, wide, wider), transposed(full, filters, 2 * wide)];
        let of = shape(full, 2 * filters, 3, 1);
        let last = convolution(of, image.channels, &mut layer, Activation::Tanh);
        let positions = [full, half].map(|[height, width]| height * width);
        Self { first, down, whole, up, last, positions }
    }

    /// The predicted images `[batch, values]`, from points between noise and images `[batch, values]`,
    /// the time repeated for each pixel `[batch · pixels, 1]`, and the [`condition`] of each image
    /// `[batch, classes + 1 + TIMES]`.
    pub fn forward(&self, images: Tensor<2>, times: Tensor<2>, condition: Tensor<2>) -> Tensor<2> {
        let [full, half] = self.positions;
        let full_size = self.first.forward(concat_channels(images, times, full));
        let half_size = self.down[0].forward(full_size.clone());
        let quarter_size = self.down[1].forward(half_size.clone());
        let known = Tensor::cat(vec![quarter_size.clone(), condition], 1);
        let seen = quarter_size + self.whole[1].forward(self.whole[0].forward(known));
        let half_size = concat_channels(self.up[0].forward(seen), half_size, half);
        let full_size = concat_channels(self.up[1].forward(half_size), full_size, full);
        self.last.forward(full_size)
    }
}

impl Layer {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        affine(self.map, x, self.weight.val(), self.bias.val(), self.activation)
    }
}

/// Images with the channels of both.
fn concat_channels(first: Tensor<2>, second: Tensor<2>, positions: usize) -> Tensor<2> {
    let [batch, _] = first.dims();
    let by_position = |x: Tensor<2>| {
        let channels = x.shape().num_elements() / (batch * positions);
        x.reshape([batch * positions, channels])
    };
    let joined = Tensor::cat(vec![by_position(first), by_position(second)], 1);
    let values = joined.shape().num_elements() / batch;
    joined.reshape([batch, values])
}

/// The condition of an image: its class, one-hot with a last place for no class, and the embedding of its
/// time in [0, 1].
pub fn condition(class: Option<u16>, classes: usize, time: f32) -> impl Iterator<Item = f32> {
    let waves = (0..TIMES / 2).flat_map(move |index| {
        let angle = time * (1_u32 << index) as f32 * std::f32::consts::PI;
        [angle.sin(), angle.cos()]
    });
    one_hot(&[class], classes).into_iter().chain(waves)
}
