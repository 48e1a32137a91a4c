//! The net: a transformer over patches (Vaswani et al. 2017; Radford et al. 2019), and for the pixels
//! within a patch a masked autoencoder (Germain et al. 2015), whose output for a pixel depends on the
//! transformer and on the pixels before it.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};
use gan_core::stream::{Purpose, normal, stream};
use gan_kernels::{Activation, dense};
use gpt2::transformer::{Block, Cache, Linear};

use crate::patches::NEIGHBOURS;

/// The sizes of a [`Net`].
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Patches of an image.
    pub patches: usize,
    /// Pixels of a patch.
    pub pixels: usize,
    /// Levels of a pixel.
    pub levels: usize,
    /// Rows of the table of classes.
    pub classes: usize,
    /// Width of the transformer.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Heads of each block's attention.
    pub heads: usize,
    /// Hidden units for each pixel of a patch.
    pub units: usize,
}

/// Logits of every level of every pixel.
#[derive(Module, Debug)]
pub struct Net {
    class: Param<Tensor<2>>,
    position: Param<Tensor<2>>,
    neighbours: Linear,
    blocks: Vec<Block>,
    norm: LayerNorm,
    hidden: Masked,
    output: Masked,
}

/// A dense layer some of whose weights are zero for ever.
#[derive(Module, Debug)]
struct Masked {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    /// Rows that every output sees, and rows and columns that belong to each pixel after them.
    seen: usize,
    rows: usize,
    columns: usize,
    /// Whether an output sees the rows of its own pixel, or those of the pixels before it.
    own: bool,
}

impl Net {
    /// A net with weights from the seed: normal, with GPT-2's deviation of 0.02 in the transformer.
    pub fn new(sizes: Sizes, seed: u64, device: &Device) -> Self {
        let Sizes { patches, pixels, levels, classes, width, layers, heads, units } = sizes;
        let mut index = 0;
        let mut weight = |size: [usize; 2], deviation: f32| {
            let mut rng = stream(seed, Purpose::GeneratorWeights, index);
            index += 1;
            let numbers = normal(&mut rng, size[0] * size[1]).into_iter().map(|x| x * deviation);
            let numbers: Vec<f32> = numbers.collect();
            Param::from_tensor(Tensor::<1>::from_floats(&numbers[..], device).reshape(size))
        };
        let class = weight([classes, width], 0.02);
        let position = weight([patches, width], 0.02);
        let known = NEIGHBOURS * pixels;
        let neighbours = Linear::new(weight([known, width], 0.1), width, device);
        let block =
            |_| Block::new(width, 4 * width, heads, 1e-5, device, |size| weight(size, 0.02));
        let blocks = (0..layers).map(block).collect();
        let inputs = width + pixels * levels;
        let bias = |len: usize| Param::from_tensor(Tensor::zeros([len], device));
        Self {
            class,
            position,
            neighbours,
            blocks,
            norm: LayerNormConfig::new(width).init(device),
            hidden: Masked {
                // Of the one-hot levels, one of each pixel is not zero.
                weight: weight([inputs, pixels * units], (1.0 / (width + pixels) as f32).sqrt()),
                bias: bias(pixels * units),
                seen: width,
                rows: levels,
                columns: units,
                own: false,
            },
            output: Masked {
                weight: weight([pixels * units, pixels * levels], 0.02),
                bias: bias(pixels * levels),
                seen: 0,
                rows: units,
                columns: levels,
                own: true,
            },
        }
    }

    /// Logits `[batch · patches, pixels · levels]` of all patches, from their neighbours' values
    /// `[batch · patches, 4 · pixels]`, their own one-hot levels, `[batch · patches, pixels · levels]`, and
    /// the one-hot class of each image, `[batch, classes]`.
    pub fn forward(
        &self,
        neighbours: Tensor<2>,
        levels: Tensor<2>,
        classes: Tensor<2>,
    ) -> Tensor<2> {
        let [batch, _] = classes.dims();
        let [rows, _] = neighbours.dims();
        let [patches, width] = self.position.dims();
        let x = self.neighbours.forward(neighbours).reshape([batch, patches, width]);
        let class = self.classes(classes).reshape([batch, 1, width]);
        let mut x = (x + self.position.val().unsqueeze() + class).reshape([rows, width]);
        for block in &self.blocks {
            x = block.forward(x, batch, None);
        }
        let known = Tensor::cat(vec![self.norm.forward(x), levels], 1);
        self.output.forward(self.hidden.forward(known, HIDDEN), Activation::None)
    }

    fn classes(&self, classes: Tensor<2>) -> Tensor<2> {
        let zeros = Tensor::zeros([self.class.dims()[1]], &classes.device());
        dense(classes, self.class.val(), zeros, Activation::None)
    }

    /// What the transformer makes of the next patch of each image, `[batch, width]`, from its neighbours'
    /// values, `[batch, 4 · pixels]`, the classes, and what the caches have of the patches before.
    pub fn next(
        &self,
        patch: usize,
        neighbours: Tensor<2>,
        classes: Tensor<2>,
        caches: &mut [Cache],
    ) -> Tensor<2> {
        let [batch, _] = neighbours.dims();
        let position = self.position.val().narrow(0, patch, 1);
        let mut x = self.neighbours.forward(neighbours) + position + self.classes(classes);
        for (block, cache) in self.blocks.iter().zip(caches) {
            x = block.forward(x, batch, Some(cache));
        }
        self.norm.forward(x)
    }

    /// Logits `[batch, levels]` of a pixel of the next patch, from what the transformer makes of it and
    /// the one-hot levels of its pixels, of which those before are set.
    pub fn pixel(&self, pixel: usize, patch: Tensor<2>, levels: Tensor<2>) -> Tensor<2> {
        let known = Tensor::cat(vec![patch, levels], 1);
        self.output.forward_pixel(
            pixel,
            self.hidden.forward_pixel(pixel, known, HIDDEN),
            Activation::None,
        )
    }

    /// Caches for sampling.
    pub fn caches(&self) -> Vec<Cache> {
        vec![None; self.blocks.len()]
    }
}

const HIDDEN: Activation = Activation::LeakyRelu(0.2);

impl Masked {
    fn forward(&self, x: Tensor<2>, activation: Activation) -> Tensor<2> {
        let weight = self.weight.val();
        let ([rows, columns], device) = (weight.dims(), weight.device());
        let mut mask = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            mask.extend((0..columns).map(|column| {
                let to = column / self.columns;
                let sees = row < self.seen || {
                    let from = (row - self.seen) / self.rows;
                    if self.own { from == to } else { from < to }
                };
                if sees { 1.0 } else { 0.0 }
            }));
        }
        let mask = Tensor::<1>::from_floats(&mask[..], &device).reshape([rows, columns]);
        dense(x, weight * mask, self.bias.val(), activation)
    }

    /// The outputs of one pixel alone, from what it sees of `x`.
    fn forward_pixel(&self, pixel: usize, x: Tensor<2>, activation: Activation) -> Tensor<2> {
        // Of the layer of a pixel's own units, `x` has no others.
        let (first, count) = if self.own {
            (pixel * self.rows, self.rows)
        } else {
            (0, self.seen + pixel * self.rows)
        };
        let columns = pixel * self.columns;
        let weight = self.weight.val().narrow(0, first, count).narrow(1, columns, self.columns);
        let x = if self.own { x } else { x.narrow(1, 0, count) };
        dense(x, weight, self.bias.val().narrow(0, columns, self.columns), activation)
    }
}
