//! The contents of `config.json`.

use std::path::PathBuf;

use gan_model::{DatasetInfo, ModelConfig, TrainingConfig};
use serde::{Deserialize, Serialize};

/// All effective settings of a run: `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Version of the program that wrote the file.
    pub version: String,
    /// Architecture of the networks.
    pub model: ModelConfig,
    /// Settings of the training.
    pub training: TrainingConfig,
    /// The training data set.
    pub dataset: DatasetInfo,
    /// Folder of the data set's files, if it has any.
    pub data_dir: Option<PathBuf>,
    /// The device, such as `flex (CPU)`.
    pub device: String,
}
