//! Writing a checkpoint: tensors are packed, hashed and written to a file that is replaced atomically.

use std::io::{self, Write};
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bytes, Tensor};
use gan_core::FileError;
use sha2::{Digest, Sha256};

use super::{CheckpointError, DIGEST, FORMAT, Header, INDEX, Index, MAP, Part, TENSORS, VERSION};

/// The tensors of a checkpoint, each part packed by [`pack`].
#[derive(Debug)]
pub struct Sections {
    /// The generator, with the moving average of its weights.
    pub averaged_generator: Bytes,
    /// The generator, with its weights after the last step.
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
/// When a tensor cannot be read back from its device, or is not finite.
pub fn pack<M: Module>(module: &M) -> Result<Bytes, CheckpointError> {
    let module = module.valid();
    let mut all = Finite(true);
    module.visit(&mut all);
    if !all.0 {
        return Err(CheckpointError::NotFinite);
    }
    Ok(module.into_record().into_bytes()?)
}

/// Whether all numbers visited so far are finite.
struct Finite(bool);

impl ModuleVisitor for Finite {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data();
        self.0 &= match data.as_slice::<f32>() {
            Ok(numbers) => numbers.iter().fold(true, |all, x| all & x.is_finite()),
            // Of another type of float.
            Err(_) => data.iter::<f32>().all(f32::is_finite),
        };
    }
}

impl Sections {
    /// Writes the whole file to `to`.
    ///
    /// # Errors
    /// When `to` fails, or a section has 4 GiB or more.
    pub fn encode(&self, header: &Header, to: &mut impl Write) -> io::Result<()> {
        let sections = [
            &self.averaged_generator,
            &self.generator,
            &self.discriminator,
            &self.generator_moments,
            &self.discriminator_moments,
        ];
        let mut parts = Vec::with_capacity(sections.len());
        for section in sections {
            let bytes = u32::try_from(section.len()).map_err(io::Error::other)?;
            parts.push(Part { bytes, sha256: Sha256::digest(&section[..]).into() });
        }
        let fronts: Vec<Vec<u8>> = parts.iter().map(Part::front).collect();
        let tensors = parts.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
        let index = Index { header: header.clone(), tensors };
        let index = rmp_serde::to_vec_named(&index).map_err(io::Error::other)?;

        to.write_all(&[MAP])?;
        to.write_all(FORMAT)?;
        to.write_all(&[VERSION as u8])?;
        to.write_all(DIGEST)?;
        to.write_all(&Sha256::digest(&index))?;
        to.write_all(INDEX)?;
        rmp::encode::write_bin(to, &index).map_err(io::Error::other)?;
        to.write_all(TENSORS)?;
        for (front, section) in fronts.iter().zip(sections) {
            to.write_all(front)?;
            to.write_all(section)?;
        }
        Ok(())
    }

    /// Writes the checkpoint to `path`, atomically: a reader sees the old file or the new one.
    ///
    /// # Errors
    /// When the file cannot be written; an old one is untouched then.
    pub fn write(&self, path: &Path, header: &Header) -> Result<(), CheckpointError> {
        let written = gan_core::atomic_file::write_with(path, |file| self.encode(header, file));
        Ok(written.map_err(FileError::new("write", path))?)
    }
}
