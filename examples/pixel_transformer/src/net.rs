//! The net: a transformer over patches (Vaswani et al. 2017; Radford et al. 2019), and a masked
//! autoencoder for the pixels of a patch (Germain et al. 2015): its output for a pixel depends on the
//! transformer's features and on the pixels before it.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};
use gan_kernels::{Activation, dense, gelu};
use gpt2::transformer::{Block, Cache, Linear};
use one_net::weights;

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
    /// Classes, and one more for no class.
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
    pixels: Pixels,
}

/// Three layers for the pixels of a patch. The first has its own units for each pixel, whose inputs are
/// the transformer's features of the patch and the pixels before; the others are shared by all pixels.
#[derive(Module, Debug)]
struct Pixels {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    hidden: Linear,
    output: Linear,
    units: usize,
}

impl Net {
    /// A net with normally distributed weights, scaled to keep the variance of the inputs.
    pub fn new(sizes: Sizes, seed: u64, device: &Device) -> Self {
        let Sizes { patches, pixels, levels, classes, width, layers, heads, units } = sizes;
        let mut index = 0;
        let mut weight = |size, deviation| {
            index += 1;
            weights(seed, index, size, deviation, device)
        };
        let class = weight([classes, width], 0.5);
        let position = weight([patches, width], 0.5);
        let mut scaled = |size: [usize; 2]| weight(size, (1.0 / size[0] as f32).sqrt());
        let neighbours = Linear::new(scaled([NEIGHBOURS * pixels, width]), width, device);
        let block = |_| Block::new(width, 4 * width, heads, 1e-5, device, &mut scaled);
        let blocks = (0..layers).map(block).collect();
        let pixels = Pixels {
            weight: scaled([width + pixels, pixels * units]),
            bias: Param::from_tensor(Tensor::zeros([pixels * units], device)),
            hidden: Linear::new(scaled([units, units]), units, device),
            output: Linear::new(scaled([units, levels]), levels, device),
            units,
        };
        let norm = LayerNormConfig::new(width).init(device);
        Self { class, position, neighbours, blocks, norm, pixels }
    }

    /// Logits `[batch · patches · pixels, levels]` of all pixels, from their patches' neighbours
    /// `[batch · patches, 4 · pixels]`, their patches' own values, `[batch · patches, pixels]`, and the
    /// one-hot class of each image, `[batch, classes]`.
    pub fn forward(
        &self,
        neighbours: Tensor<2>,
        values: Tensor<2>,
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
        self.pixels.forward(self.norm.forward(x), values)
    }

    fn classes(&self, classes: Tensor<2>) -> Tensor<2> {
        let zeros = Tensor::zeros([self.class.dims()[1]], &classes.device());
        dense(classes, self.class.val(), zeros, Activation::None)
    }

    /// The transformer's features of the next patch of each image, `[batch, width]`, from the values of
    /// its neighbours, `[batch, 4 · pixels]`, the classes, and the cached keys and values of the patches
    /// before.
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

    /// Logits `[batch, levels]` of a pixel of the next patch, from the patch's features and its values, of
    /// which only those before the pixel are read.
    pub fn pixel(&self, pixel: usize, patch: Tensor<2>, values: Tensor<2>) -> Tensor<2> {
        self.pixels.forward_one(pixel, patch, values)
    }

    /// Caches for sampling.
    pub fn caches(&self) -> Vec<Cache> {
        vec![None; self.blocks.len()]
    }
}

impl Pixels {
    fn forward(&self, patch: Tensor<2>, values: Tensor<2>) -> Tensor<2> {
        let ([rows, width], [_, pixels]) = (patch.dims(), values.dims());
        let weight = self.weight.val();
        let ([inputs, columns], device) = (weight.dims(), weight.device());
        let sees = |input: usize, column: usize| input < width + column / self.units;
        let one = |input| (0..columns).map(move |column| f32::from(u8::from(sees(input, column))));
        let mask: Vec<f32> = (0..inputs).flat_map(one).collect();
        let mask = Tensor::<1>::from_floats(&mask[..], &device).reshape([inputs, columns]);
        let known = Tensor::cat(vec![patch, values], 1);
        let units = dense(known, weight * mask, self.bias.val(), Activation::None);
        self.shared(units.reshape([rows * pixels, self.units]))
    }

    /// The logits of a single pixel.
    fn forward_one(&self, pixel: usize, patch: Tensor<2>, values: Tensor<2>) -> Tensor<2> {
        let (seen, first) = (patch.dims()[1] + pixel, pixel * self.units);
        let weight = self.weight.val().narrow(0, 0, seen).narrow(1, first, self.units);
        let bias = self.bias.val().narrow(0, first, self.units);
        let known = Tensor::cat(vec![patch, values], 1).narrow(1, 0, seen);
        self.shared(dense(known, weight, bias, Activation::None))
    }

    fn shared(&self, units: Tensor<2>) -> Tensor<2> {
        self.output.forward(gelu(self.hidden.forward(gelu(units))))
    }
}
