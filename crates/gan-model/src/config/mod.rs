//! What a model and its training are made of, as a checkpoint records it.

mod conditional;
mod error;
mod model;
mod training;

use serde::{Deserialize, Serialize};

pub use conditional::{ClassHead, Conditional};
pub use error::ConfigError;
pub(crate) use error::MAX_WIDTH;
pub use model::ModelConfig;
pub use training::{Augmentation, Loss, Schedule, TrainingConfig};

/// The images that a model was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetInfo {
    /// Its name, such as `mnist`.
    pub name: String,
    /// SHA-256, in hex, of its images in IDX form.
    pub digest: String,
    /// How many images it has.
    pub images: usize,
    /// The name of each class; empty where the images have no labels, or only numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
    /// SHA-256, in hex, of its labels, 16 bits each, most significant byte first, where the networks use
    /// them; `None` in older checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
}
