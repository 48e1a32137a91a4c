//! A class-conditional autoregressive model of images in two parts (Yu et al. 2023): a
//! transformer with the blocks of GPT-2 reads the patches so far, and a small net draws the pixels of the
//! next one by one. A pixel is one value here: of a colour image, one channel of it.
//!
//! [`net`] has the net, [`pixels`] its loss in bits per pixel and its samples. The loop and the command
//! line are those of `one_net`.

pub mod net;
pub mod patches;
pub mod pixels;
