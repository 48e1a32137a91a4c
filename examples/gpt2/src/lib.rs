//! GPT-2 (Radford et al. 2019) on Burn: from a checkpoint as users of `transformers` have it, to text.
//!
//! [`transformer`] has the blocks, [`model`] the net and its checkpoint, [`generate`] the choice of
//! the next token.

pub mod generate;
pub mod model;
pub mod transformer;
