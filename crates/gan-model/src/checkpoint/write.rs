//! Writing: tensors are packed, digested and put in place at once.

use std::path::Path;

use burn::module::Module;
use burn::store::RecordError;
use burn::tensor::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{CheckpointError, Envelope, FORMAT, Header, Payload, VERSION};
use crate::atomic;

/// The tensors of a checkpoint, each part packed by [`pack`].
#[derive(Debug)]
pub struct Sections {
    /// The generator's averaged weights.
    pub averaged_generator: Bytes,
    /// The generator's weights as trained.
    pub generator: Bytes,
    /// The discriminator.
    pub discriminator: Bytes,
    /// Adam's moments of the generator.
    pub generator_moments: Bytes,
    /// Adam's moments of the discriminator.
    pub discriminator_moments: Bytes,
}

/// A module's tensors as burnpack bytes.
///
/// # Errors
/// When a tensor cannot be read back from its device.
pub fn pack<M: Module>(module: &M) -> Result<Bytes, CheckpointError> {
    Ok(module.valid().into_record().into_bytes()?)
}

impl Sections {
    /// The whole file, in memory.
    ///
    /// # Errors
    /// Never in practice: everything in it can be encoded.
    pub fn encode(&self, header: &Header) -> Result<Vec<u8>, CheckpointError> {
        let payload = to_vec(&Payload {
            header: header.clone(),
            averaged_generator: &self.averaged_generator,
            generator: &self.generator,
            discriminator: &self.discriminator,
            generator_moments: &self.generator_moments,
            discriminator_moments: &self.discriminator_moments,
        })?;
        let sha256 = Sha256::digest(&payload);
        to_vec(&Envelope { format: FORMAT, version: VERSION, sha256: &sha256, payload: &payload })
    }

    /// Writes the checkpoint to `path`: the name holds the old file or the new one, whatever happens.
    ///
    /// # Errors
    /// When the file cannot be written; an old one is still there then.
    pub fn write(&self, path: &Path, header: &Header) -> Result<(), CheckpointError> {
        let bytes = self.encode(header)?;
        atomic::write(path, &bytes).map_err(|source| CheckpointError::Io {
            action: "write",
            path: path.into(),
            source,
        })
    }
}

fn to_vec(value: &impl Serialize) -> Result<Vec<u8>, CheckpointError> {
    rmp_serde::to_vec_named(value)
        .map_err(|error| CheckpointError::Pack(RecordError::Io(error.to_string())))
}
