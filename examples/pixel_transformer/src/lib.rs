//! A class-conditional autoregressive model of images at two levels (Yu et al. 2023): a transformer with
//! the blocks of GPT-2 reads the patches so far, and a small net draws the pixels of the next patch one
//! after another. A pixel here is a single value: each channel of a colour image is its own.
//!
//! [`net`] is the net; [`pixels`] is its loss in bits per dimension and the sampler. The training loop and
//! the command line are in `one_net`.

pub mod net;
pub mod patches;
pub mod pixels;
