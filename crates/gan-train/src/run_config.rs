//! The contents of `config.json`.

use std::path::PathBuf;

use gan_model::{DatasetInfo, ModelConfig, TrainingConfig};
use serde::{Deserialize, Serialize};

/// Everything effective in a run: `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Version of the program that wrote it.
    pub version: String,
    /// Sizes of the nets.
    pub model: ModelConfig,
    /// Settings of the training.
    pub training: TrainingConfig,
    /// The training data set.
    pub dataset: DatasetInfo,
    /// Where the data set's files are, if it has any.
    pub data_dir: Option<PathBuf>,
    /// The device, as in `flex (CPU)`.
    pub device: String,
}
