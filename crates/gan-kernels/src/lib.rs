//! The CPU's fast path: layers with their activations as single operations, and Adam with the
//! moving average of the weights in one pass.
//!
//! On Burn's CPU back ends, [`affine`] (dense layers and convolutions), [`batch_norm`], [`gelu`],
//! [`log_sigmoid`], [`log_softmax`] and [`sqrt`] are operations of this crate with their own backward
//! passes. On every other back end, and as the reference that ours are tested against, they are Burn's
//! own operations.
//! [`affine_jvp`] and [`affine_vjp`] are the derivatives that gradient penalties need. [`AdamStep`]
//! works on slices, so it serves any back end whose tensors are in the host's memory.
//!
//! Results depend neither on the number of threads (only independent numbers are computed in
//! parallel) nor on the CPU back end. In a GAN, rounding matters: where a unit's sum is zero but
//! for rounding, it decides the derivative of the activation, and a hundred steps later the loss.
//!
//! Each file imports only files further down in this list:
//!
//! - `affine`, `batch_norm`, `gelu`, `log_sigmoid`, `log_softmax`, `sqrt`, `concat`: what nets call, and each
//!   layer's arithmetic on slices;
//! - `operation`, `host`, `reference`: how that arithmetic becomes an operation of Burn;
//! - `adam`, `activation`, `tanh`, `elementary`;
//! - `convolution`, `matmul`, `pack`, `scratch`, `tile`, `matrix`: products;
//! - `thread_pool`, `buffer_pool`, `instruction_set`.
//!
//! A new layer is a file beside `affine` that implements `Operation`.

#![cfg_attr(
    not(all(feature = "autodiff", any(feature = "flex", feature = "ndarray"))),
    allow(dead_code, unused_variables, reason = "other back ends run Burn's own operations")
)]

mod activation;
mod adam;
mod affine;
mod batch_norm;
mod buffer_pool;
mod concat;
mod convolution;
mod elementary;
mod gelu;
mod host;
mod instruction_set;
mod log_sigmoid;
mod log_softmax;
mod matmul;
mod matrix;
mod operation;
mod pack;
pub mod reference;
mod scratch;
mod sqrt;
mod tanh;
mod thread_pool;
mod tile;

pub use activation::Activation;
pub use adam::AdamStep;
pub use affine::{Map, affine, affine_jvp, affine_vjp, dense};
pub use batch_norm::batch_norm;
pub use buffer_pool::{buffer, tensor_data};
pub use concat::concat_rows;
pub use convolution::Convolution;
pub use gelu::gelu;
pub use instruction_set::{InstructionSet, set_instruction_set};
pub use log_sigmoid::log_sigmoid;
pub use log_softmax::log_softmax;
pub use sqrt::sqrt;
pub use thread_pool::{join, set_threads, threads};
