//! The CPU's fast path: a dense layer with its activation as one operation, and
//! Adam with the weight average as one pass.
//!
//! [`dense`] is what a net calls. On Burn's flex back end it is the fused
//! operation of this crate, with a backward pass of its own; everywhere else, and
//! as the reference that the fused one is tested against, it is plain Burn.
//! [`AdamStep`] works on slices, so it serves any back end whose tensors lie in
//! the host's memory.
//!
//! The results do not depend on the number of threads: work is split only between
//! numbers that are computed independently.

mod activation;
mod adam;
mod dense;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod matmul;
mod parallel;
mod tanh;

pub use activation::Activation;
pub use adam::AdamStep;
pub use dense::{dense, dense_reference};
pub use tanh::tanh_in_place;
