//! Reading: everything is checked first, then only what is asked for is decoded.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, DType, Device, Tensor};
use sha2::{Digest, Sha256};

use super::{
    CheckpointError, Envelope, Front, Header, MAX_FILE, Moments, PREFIX, Payload, VERSION,
};
use crate::config::parameters;
use crate::nets::{Discriminator, Generator};

/// Which of the generator's two sets of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// The exponential moving average over training; draws the better pictures.
    #[default]
    Averaged,
    /// The weights as the last step left them.
    Raw,
}

/// A checkpoint in memory, whole and undamaged, its tensors not yet decoded.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    bytes: Vec<u8>,
    header: Header,
    averaged_generator: Range<usize>,
    generator: Range<usize>,
    discriminator: Range<usize>,
    generator_moments: Range<usize>,
    discriminator_moments: Range<usize>,
}

impl Checkpoint {
    /// Reads `path` and checks all of it: length, format, version, digest, sizes.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = read_bounded(path)?;
        Self::from_bytes(path, bytes)
    }

    /// As [`read`](Self::read), of bytes that were read from `path` already.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, CheckpointError> {
        let damaged = |what: String| CheckpointError::Damaged { path: path.into(), what };
        if !bytes.starts_with(PREFIX) {
            let found = describe(&bytes);
            return Err(CheckpointError::NotACheckpoint { path: path.into(), found });
        }
        let cut = || damaged(format!("it ends early or is garbled ({} bytes long)", bytes.len()));
        // Another version may be laid out otherwise from here on.
        let Front { version } = rmp_serde::from_slice(&bytes).map_err(|_| cut())?;
        if version != VERSION {
            return Err(CheckpointError::Version { path: path.into(), found: version });
        }
        let envelope = decode(&bytes, |it: &Envelope| it.payload).ok_or_else(cut)?;
        if Sha256::digest(envelope.payload)[..] != *envelope.sha256 {
            return Err(damaged("its SHA-256 does not match its content".into()));
        }
        let payload = decode(envelope.payload, |it: &Payload| it.discriminator_moments)
            .ok_or_else(|| damaged("its payload is garbled".into()))?;
        let config = |source| CheckpointError::Config { path: path.into(), source };
        payload.header.model.validate().map_err(config)?;

        // Ranges rather than slices, so that the bytes can move in beside them.
        let range = |section: &[u8]| {
            let start = section.as_ptr().addr() - bytes.as_ptr().addr();
            start..start + section.len()
        };
        Ok(Self {
            averaged_generator: range(payload.averaged_generator),
            generator: range(payload.generator),
            discriminator: range(payload.discriminator),
            generator_moments: range(payload.generator_moments),
            discriminator_moments: range(payload.discriminator_moments),
            path: path.into(),
            header: payload.header,
            bytes,
        })
    }

    /// What it says beside its tensors.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Decodes the generator alone.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes.
    pub fn generator(
        &self,
        weights: Weights,
        device: &Device,
    ) -> Result<Generator, CheckpointError> {
        let (section, range) = match weights {
            Weights::Averaged => ("averaged generator", &self.averaged_generator),
            Weights::Raw => ("generator", &self.generator),
        };
        let model = &self.header.model;
        let net = Generator::empty(model, device);
        self.fill(net, section, range, parameters(&model.generator_widths()))
    }

    /// Decodes the discriminator alone.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes.
    pub fn discriminator(&self, device: &Device) -> Result<Discriminator, CheckpointError> {
        let model = &self.header.model;
        let net = Discriminator::empty(model, device);
        let count = parameters(&model.discriminator_widths());
        self.fill(net, "discriminator", &self.discriminator, count)
    }

    /// Decodes Adam's moments of the generator.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes.
    pub fn generator_moments(
        &self,
        device: &Device,
    ) -> Result<Moments<Generator>, CheckpointError> {
        let model = &self.header.model;
        let empty = || Generator::empty(model, device);
        let count = 2 * parameters(&model.generator_widths());
        let moments = Moments { first: empty(), second: empty() };
        self.fill(moments, "generator moments", &self.generator_moments, count)
    }

    /// Decodes Adam's moments of the discriminator.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes.
    pub fn discriminator_moments(
        &self,
        device: &Device,
    ) -> Result<Moments<Discriminator>, CheckpointError> {
        let model = &self.header.model;
        let empty = || Discriminator::empty(model, device);
        let count = 2 * parameters(&model.discriminator_widths());
        let moments = Moments { first: empty(), second: empty() };
        self.fill(moments, "discriminator moments", &self.discriminator_moments, count)
    }

    fn fill<M: Module>(
        &self,
        module: M,
        section: &'static str,
        range: &Range<usize>,
        parameters: usize,
    ) -> Result<M, CheckpointError> {
        let mismatch = |what| CheckpointError::Mismatch { path: self.path.clone(), section, what };
        let bytes = &self.bytes[range.clone()];
        if bytes.len() < parameters * size_of::<f32>() {
            let (found, need) = (bytes.len(), parameters * size_of::<f32>());
            return Err(mismatch(format!("{found} bytes, where its sizes take {need}")));
        }
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()))
            .map_err(|error| mismatch(error.to_string()))?;
        let module = module.try_load_record(record).map_err(|error| mismatch(error.to_string()))?;
        let mut types = OtherTypes::default();
        module.visit(&mut types);
        match types.0 {
            None => Ok(module),
            Some(found) => Err(mismatch(format!("tensors of type {found:?}, expected F32"))),
        }
    }
}

/// A type of float other than `f32` among a module's tensors.
#[derive(Default)]
struct OtherTypes(Option<DType>);

impl ModuleVisitor for OtherTypes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let found = param.val().dtype();
        if found != DType::F32 {
            self.0 = Some(found);
        }
    }
}

/// The MessagePack value in `bytes`, whose last part, as `last` names it, must end
/// where they end.
fn decode<'a, T: serde::Deserialize<'a>>(
    bytes: &'a [u8],
    last: impl Fn(&T) -> &'a [u8],
) -> Option<T> {
    let value = rmp_serde::from_slice(bytes).ok()?;
    (last(&value).as_ptr_range().end == bytes.as_ptr_range().end).then_some(value)
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => CheckpointError::Missing(path.into()),
        _ => CheckpointError::Io { action: "read", path: path.into(), source },
    };
    let metadata = path.metadata().map_err(io)?;
    if !metadata.is_file() {
        let found = "is not a regular file".into();
        return Err(CheckpointError::NotACheckpoint { path: path.into(), found });
    }
    if metadata.len() > MAX_FILE {
        return Err(CheckpointError::TooLarge { path: path.into(), found: metadata.len() });
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    File::open(path).map_err(io)?.take(MAX_FILE).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// What a file that is no checkpoint looks like.
fn describe(bytes: &[u8]) -> String {
    let known: [(&[u8], &str); 6] = [
        (b"\x89PNG", "is a PNG picture"),
        (b"GIF8", "is a GIF picture"),
        (b"\xff\xd8\xff", "is a JPEG picture"),
        (b"\x1f\x8b", "is gzip"),
        (b"PK\x03\x04", "is a zip archive (such as PyTorch's .pt)"),
        (b"NRUB", "is a burnpack of Burn's own"),
    ];
    if bytes.is_empty() {
        return "is empty".into();
    }
    if PREFIX.starts_with(bytes) {
        return format!("ends after {} bytes", bytes.len());
    }
    match known.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((_, name)) => (*name).into(),
        None => format!("starts with the bytes {:02x?}", &bytes[..bytes.len().min(8)]),
    }
}
