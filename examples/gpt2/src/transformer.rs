//! The block of a decoder-only transformer, with layer normalisation before each part (Radford et al.
//! 2019, section 2.3).
//!
//! Rows are tokens, sequence after sequence: `[batch · tokens, width]`. Fields have the names of the
//! tensors in a GPT-2 checkpoint.

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Device, Tensor};
use gan_kernels::{Activation, dense, gelu};

/// x W + b.
#[derive(Module, Debug)]
pub struct Linear {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Linear {
    /// A layer with these weights, `[inputs, outputs]`, and without a bias at first.
    pub fn new(weight: Param<Tensor<2>>, outputs: usize, device: &Device) -> Self {
        Self { weight, bias: Initializer::Zeros.init([outputs], device) }
    }

    /// `[rows, inputs]` to `[rows, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        dense(x, self.weight.val(), self.bias.val(), Activation::None)
    }
}

/// Keys and values of the tokens that a block has seen, `[batch, heads, tokens, width / heads]`.
pub type Cache = Option<[Tensor<4>; 2]>;

/// Attention, then a net of two layers, each added to its input.
#[derive(Module, Debug)]
pub struct Block {
    ln_1: LayerNorm,
    attn: Attention,
    ln_2: LayerNorm,
    mlp: Mlp,
}

#[derive(Module, Debug)]
struct Attention {
    c_attn: Linear,
    c_proj: Linear,
    heads: usize,
}

#[derive(Module, Debug)]
struct Mlp {
    c_fc: Linear,
    c_proj: Linear,
}

impl Block {
    /// A block of this width, whose hidden layer has `inner` units. `weight` makes the weights of a
    /// size, `[inputs, outputs]`.
    pub fn new(
        width: usize,
        inner: usize,
        heads: usize,
        epsilon: f64,
        device: &Device,
        mut weight: impl FnMut([usize; 2]) -> Param<Tensor<2>>,
    ) -> Self {
        let norm = || LayerNormConfig::new(width).with_epsilon(epsilon).init(device);
        let mut linear = |size: [usize; 2]| Linear::new(weight(size), size[1], device);
        Self {
            ln_1: norm(),
            attn: Attention {
                c_attn: linear([width, 3 * width]),
                c_proj: linear([width, width]),
                heads,
            },
            ln_2: norm(),
            mlp: Mlp { c_fc: linear([width, inner]), c_proj: linear([inner, width]) },
        }
    }

    /// The next tokens of `batch` sequences, which attend to those before them and to those in the
    /// cache. With a cache, they are added to it.
    pub fn forward(&self, x: Tensor<2>, batch: usize, cache: Option<&mut Cache>) -> Tensor<2> {
        let x = x.clone() + self.attn.forward(self.ln_1.forward(x), batch, cache);
        let hidden = gelu(self.mlp.c_fc.forward(self.ln_2.forward(x.clone())));
        x + self.mlp.c_proj.forward(hidden)
    }
}

impl Attention {
    /// softmax(Q Kᵀ / √d) V of each head (Vaswani et al. 2017, equation 1), for tokens that see
    /// themselves and those before them.
    fn forward(&self, x: Tensor<2>, batch: usize, cache: Option<&mut Cache>) -> Tensor<2> {
        let [rows, width] = x.dims();
        let (new, size) = (rows / batch, width / self.heads);
        let joined = self.c_attn.forward(x);
        let [query, mut key, mut value] = [0, 1, 2].map(|part| {
            let part = joined.clone().narrow(1, part * width, width);
            part.reshape([batch, new, self.heads, size]).swap_dims(1, 2)
        });
        if let Some(cache) = cache {
            if let Some([keys, values]) = cache.take() {
                key = Tensor::cat(vec![keys, key], 2);
                value = Tensor::cat(vec![values, value], 2);
            }
            *cache = Some([key.clone(), value.clone()]);
        }
        let seen = key.dims()[2];
        let mut scores = query.matmul(key.swap_dims(2, 3)) / (size as f64).sqrt();
        if new > 1 {
            let later = Tensor::<2, Bool>::tril_mask(
                [new, seen],
                (seen - new).cast_signed() as i64,
                &scores.device(),
            );
            scores = scores.mask_fill(later.unsqueeze(), f32::NEG_INFINITY);
        }
        let mixed = softmax(scores, 3).matmul(value);
        self.c_proj.forward(mixed.swap_dims(1, 2).reshape([rows, width]))
    }
}
