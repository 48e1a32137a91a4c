//! GPT-2 (Radford et al. 2019) on Burn, from checkpoints in the format of `transformers`.
//!
//! [`transformer`] is the block, [`model`] the net and the reader of its checkpoint, [`generate`] the
//! choice of the next token and the loop over tokens.

pub mod generate;
pub mod model;
pub mod transformer;
