//! The two nets of a GAN, their losses, and the checkpoint file that stores them.
//!
//! - [`Generator`] and [`Discriminator`] are built from a [`ModelConfig`]. A [`Family`] of nets
//!   describes two stacks of layers; the rest is the same for every family.
//! - [`loss`] has the objectives: pure functions of logits.
//! - [`Adam`] and [`Ema`] update the weights, and their moving average.
//! - [`checkpoint`] reads and writes `ckpt.mpk` and documents it byte for byte.
//! - [`device`] turns a name such as `auto` or `wgpu:1` into a Burn device.
//!
//! No training loop, no sampling, and no data set.

mod adam;
pub mod checkpoint;
mod config;
pub mod device;
mod discriminator;
mod families;
mod generator;
mod layers;
pub mod loss;

pub use adam::{Adam, AdamConfig, Ema};
pub use config::{
    Augmentation, ClassHead, Conditional, ConfigError, DatasetInfo, Loss, ModelConfig, Schedule,
    TrainingConfig,
};
pub use discriminator::{Discriminator, DiscriminatorOutput, DropoutMasks, probability};
pub use families::*;
pub use generator::Generator;
pub use layers::{Labels, one_hot};
