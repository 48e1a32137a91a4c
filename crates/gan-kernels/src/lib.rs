//! The CPU's fast path: a dense layer with its activation as one operation, and
//! Adam with the weight average as one pass.
//!
//! [`dense`] and [`batch_norm`] are what a net calls, [`dense_jvp`] what a gradient penalty
//! calls, and [`log_sigmoid`] what a loss calls. On Burn's CPU back ends each is an operation of this crate, with a backward pass of its own;
//! everywhere else, and as the reference that ours is tested against, it is plain Burn.
//! [`AdamStep`] works on slices, so it serves any back end whose tensors lie in the
//! host's memory.
//!
//! The results do not depend on the number of threads: work is split only between
//! numbers that are computed independently. Nor does it matter which CPU back end holds
//! the tensors. Both count in a GAN: where a unit's sum is zero but for rounding, another
//! rounding is another slope, and a hundred steps later another loss.

mod activation;
mod adam;
mod batch_norm;
mod concat;
mod dense;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod fused;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod host;
mod log_sigmoid;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod matmul;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod pack;
mod recycle;
pub mod reference;
mod tanh;
mod team;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod tile;

pub use activation::Activation;
pub use adam::AdamStep;
pub use batch_norm::{batch_norm, batch_norm_reference};
pub use concat::concat_rows;
pub use dense::{dense, dense_jvp, dense_jvp_reference, dense_reference};
pub use log_sigmoid::log_sigmoid;
pub use recycle::{buffer, tensor_data};
pub use team::{join, set_threads, threads};
