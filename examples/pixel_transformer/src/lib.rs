//! A class-conditional autoregressive model of images: a transformer, with the blocks of GPT-2, reads the
//! patches so far, and a small autoregressive net draws the pixels of the next.
//!
//! [`net`] has the net, [`pixels`] its loss in bits per pixel and its samples. The loop and the command
//! line are those of `one_net`.

pub mod net;
pub mod patches;
pub mod pixels;
