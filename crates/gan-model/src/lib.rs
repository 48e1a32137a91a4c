//! The two nets of a GAN, their losses, and the checkpoint file that holds them.
//!
//! - [`Generator`] and [`Discriminator`] are dense nets of the sizes in a
//!   [`ModelConfig`]; the discriminator answers with logits.
//! - [`loss`] holds the objectives: pure functions of logits.
//! - [`checkpoint`] reads and writes `ckpt.mpk` and documents it byte for byte.
//! - [`device`] turns a name such as `auto` or `wgpu:1` into a Burn device.
//!
//! No training here, no drawing, and no data set.

mod adam;
pub mod checkpoint;
mod config;
mod deviation;
pub mod device;
mod discriminator;
mod generator;
mod init;
pub mod loss;

pub use adam::{Adam, AdamConfig, Ema};
pub use config::{
    ConfigError, DatasetInfo, Loss, ModelConfig, Normalisation, Schedule, TrainingConfig,
};
pub use discriminator::{Discriminator, DiscriminatorOutput, probability};
pub use generator::Generator;
