//! The contents of `config.json`.

use std::path::PathBuf;

use gan_data::ImageOptions;
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
    /// Folder of a named data set's files, if it has any.
    pub data_dir: Option<PathBuf>,
    /// The path that the images were read from, if the data set has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// What was made of each image.
    #[serde(default, skip_serializing_if = "is_default")]
    pub images: ImageOptions,
    /// How many test images were taken from the training images, because there are no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<usize>,
    /// The file of the feature extractor, unless it is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_extractor: Option<PathBuf>,
    /// The digest of the feature extractor that measured the samples, if any did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extractor_digest: Option<String>,
    /// The checkpoint that the nets began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_from: Option<InitFrom>,
    /// The device, such as `flex (CPU)`.
    pub device: String,
}

/// The checkpoint of another training, from which a new training took its nets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InitFrom {
    /// Its file.
    pub path: PathBuf,
    /// Epochs that it had done.
    pub epoch: u64,
    /// Name of the data set that it was trained on.
    pub dataset: String,
}

fn is_default(options: &ImageOptions) -> bool {
    *options == ImageOptions::default()
}
