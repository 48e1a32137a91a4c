//! The checkpoint file, `ckpt.mpk`: one MessagePack document, version 5.
//!
//! ```text
//! map of 5                        at the top, in this order
//!   "format"   str  "gan-checkpoint"
//!   "version"  uint 5
//!   "sha256"   bin  32 bytes      of the index's bytes
//!   "index"    bin                a MessagePack document of its own, at most 1 MiB:
//!     map of 2                    in this order
//!       "header"                  map of 4
//!         "model"                 map: the fields of ModelConfig, flat
//!         "training"              map: the fields of TrainingConfig
//!         "dataset"               map: name, digest (hex SHA-256), images, class_names where
//!                                 the classes have names, and labels (hex SHA-256) where the
//!                                 networks have classes
//!         "step"                  uint, epochs done: Adam's time of the generator, and times
//!                                 d_steps that of the discriminator
//!       "tensors"                 array of 5, in the order of the tensors below: map of 2
//!         "bytes"                 uint, the length
//!         "sha256"                bin, 32 bytes, of those bytes
//!   "tensors"  array of 5         in this order
//!     bin  averaged generator     burnpack, all f32; of a dense layer layers.N.Dense.weight
//!                                 [inputs, outputs] and .bias [outputs], or with batch
//!                                 normalisation .norm.gamma, .beta, .mean, .variance [outputs]
//!                                 of a convolution layers.N.Convolution.weight [taps, filters]
//!                                 and the same beside it; a tap is a row, column and channel of
//!                                 the kernel, of the smaller one where images are resized
//!                                 of a vector of the class layers.N.Embedding.table
//!                                 [classes, numbers]; in a discriminator, and of a projection
//!                                 below, with --pack classes times pack
//!     bin  generator              the same
//!     bin  discriminator          the same; with spectral normalisation also
//!                                 layers.N.Dense.direction [inputs], .Convolution.direction
//!                                 [taps], and .table.direction [classes + 1] and
//!                                 .classifier.direction [inputs] of a projection
//!                                 of a projection layers.N.Projection.table.weight
//!                                 [classes + 1, inputs], .bias [1], and where classes are
//!                                 predicted .classifier, as a dense layer
//!     bin  generator's moments    burnpack: first.* and second.*, each as in the net
//!     bin  discriminator's        the same
//! ```
//!
//! Versions 2 to 4 are read as well. Their headers have fewer fields, and the missing ones get
//! defaults that reproduce the old behaviour (serde defaults in `config/` and `families/`). They knew
//! dense nets of grey images alone, and named the tensors of the N-th dense layer layers.N.*,
//! norms.N.* and directions.N.
//!
//! One section can be read without the others: only the index and its own bytes are checked.
//!
//! Bytes 1 to 30 are the same in every version: `a6 "format" ae "gan-checkpoint" a7 "version"`.
//! Burnpack is Burn's container for tensors: little-endian, described in the `burn-pack` crate.
//! Nothing in the file depends on the clock, the machine or a path: equal trainings write equal
//! files.
//!
//! A file has at most [`MAX_FILE`] bytes, and a section at most 1 MiB more than the numbers of its
//! net. Every size is checked against the file's length before it is used. Every number is finite:
//! a file with others is neither written nor read.
//!
//! A file is replaced atomically: a reader sees the old one or the new one.

mod legacy;
mod read;
mod tensors;
mod write;

use std::path::PathBuf;

use burn::module::Module;
use burn::store::RecordError;
use gan_core::FileError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use read::{Checkpoint, Weights};
pub use tensors::record;
pub use write::{Sections, pack};

use crate::config::{ConfigError, DatasetInfo, ModelConfig, TrainingConfig};

/// The largest file that is read: 8 GiB.
pub const MAX_FILE: u64 = 8 << 30;
/// The version that is written.
pub const VERSION: u64 = 5;
/// The oldest version that is read.
pub const OLDEST_VERSION: u64 = 2;

/// The largest index that is read.
const MAX_INDEX: u32 = 1 << 20;
/// The most bytes that a section has beside its numbers.
const MAX_AROUND: usize = 1 << 20;
/// The bytes after the first, in every version.
const FORMAT: &[u8] = b"\xa6format\xaegan-checkpoint\xa7version";
/// The bytes between the values in this version.
const MAP: u8 = 0x85;
const DIGEST: &[u8] = b"\xa6sha256\xc4\x20";
const INDEX: &[u8] = b"\xa5index";
const TENSORS: &[u8] = b"\xa7tensors\x95";

/// What a checkpoint stores beside its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Sizes of the nets.
    pub model: ModelConfig,
    /// Settings of the training.
    pub training: TrainingConfig,
    /// The images of the training.
    pub dataset: DatasetInfo,
    /// Epochs done.
    pub step: u64,
}

/// Adam's two moments of every weight of a net, each in the weight's place.
#[derive(Module, Debug)]
pub struct Moments<M: Module> {
    /// Running mean of the gradients.
    pub first: M,
    /// Running mean of the gradients' squares.
    pub second: M,
}

/// The parts of a file that hold tensors, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    AveragedGenerator,
    Generator,
    Discriminator,
    GeneratorMoments,
    DiscriminatorMoments,
}

impl Section {
    const ALL: [Self; 5] = [
        Self::AveragedGenerator,
        Self::Generator,
        Self::Discriminator,
        Self::GeneratorMoments,
        Self::DiscriminatorMoments,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::AveragedGenerator => "averaged generator",
            Self::Generator => "generator",
            Self::Discriminator => "discriminator",
            Self::GeneratorMoments => "generator moments",
            Self::DiscriminatorMoments => "discriminator moments",
        }
    }
}

/// Whether a text from a file can be shown as a name: it is short and has no control characters.
pub fn is_name(text: &str) -> bool {
    text.len() <= 100 && !text.contains(char::is_control)
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    header: Header,
    tensors: [Part; 5],
}

/// A section's entry in the index.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    bytes: u32,
    #[serde(with = "serde_bytes")]
    sha256: [u8; 32],
}

impl Part {
    /// The bytes before the section: MessagePack's shortest form of a bin's length.
    fn front(&self) -> Vec<u8> {
        let mut front = Vec::new();
        match u8::try_from(self.bytes) {
            Ok(bytes) => front.extend([0xc4, bytes]),
            Err(_) => match u16::try_from(self.bytes) {
                Ok(bytes) => front.extend([&[0xc5], &bytes.to_be_bytes()[..]].concat()),
                Err(_) => front.extend([&[0xc6], &self.bytes.to_be_bytes()[..]].concat()),
            },
        }
        front
    }
}

/// Why a checkpoint cannot be read or written. Each names the file.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file cannot be opened, read, written or renamed.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no file of that name.
    #[error(
        "cannot read {}: the file does not exist; expected the ckpt.mpk of a run, or the run's \
         directory", .0.display()
    )]
    Missing(PathBuf),
    /// Larger than [`MAX_FILE`].
    #[error("{} is {found} bytes long; a checkpoint has at most {MAX_FILE}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: u64,
    },
    /// A file of another kind.
    #[error(
        "{} is not a checkpoint: it {found}; expected the ckpt.mpk that gan-train writes", path.display()
    )]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// A checkpoint, but cut short or changed after it was written.
    #[error("{} is damaged: {what}; use another copy or train again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Written by a program of another version.
    #[error(
        "{} is a checkpoint of version {found}; this program reads versions {OLDEST_VERSION} to \
         {VERSION}: {}",
        path.display(),
        if *.found > VERSION { "use a newer gan-train" } else { "train again with this program" }
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// The file is intact, but it describes something that this program does not know, such as
    /// another family of nets.
    #[error(
        "{} cannot be read: {source}; it may need a newer gan-train, this is {}",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Index {
        /// The file.
        path: PathBuf,
        /// What is not known.
        source: rmp_serde::decode::Error,
    },
    /// The file is intact, but its nets have sizes that this program refuses.
    #[error("{} describes nets that this program refuses: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Which size.
        source: ConfigError,
    },
    /// The file is intact, but its tensors are not those of the nets it describes, or not finite.
    #[error("{}: its {section} cannot be used: {what}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Which part.
        section: &'static str,
        /// What does not fit.
        what: String,
    },
    /// A net that diverged; nothing is written.
    #[error("a net has numbers that are infinite or NaN")]
    NotFinite,
    /// Tensors could not be packed for writing.
    #[error("cannot pack tensors: {0}")]
    Pack(#[from] RecordError),
}

#[cfg(test)]
mod tests;
