//! Reading: the index first, then, each checked against it, the parts that are asked for.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, DType, Device, Tensor};
use sha2::{Digest, Sha256};

use super::{
    CheckpointError, DIGEST, FORMAT, Header, INDEX, Index, MAP, MAX_FILE, MAX_INDEX, Moments,
    OLDEST_VERSION, Section, TENSORS, VERSION,
};
use crate::discriminator::Discriminator;
use crate::generator::Generator;

/// Which of the generator's two sets of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// The exponential moving average over training; draws the better pictures.
    #[default]
    Averaged,
    /// The weights as the last step left them.
    Raw,
}

/// An open checkpoint. It is read through one handle, so it stays the one that was opened
/// when a training replaces the file.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    file: File,
    index: Index,
    /// Where each section's front begins.
    starts: [u64; 5],
}

impl Checkpoint {
    /// Opens `path` and checks its length, format, version, index and sizes; tensors are
    /// checked when they are decoded.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => CheckpointError::Missing(path.into()),
            _ => CheckpointError::Io { action: "read", path: path.into(), source },
        };
        // Before it is opened: opening a pipe would wait for its other end.
        if !path.metadata().map_err(io)?.is_file() {
            let found = "is not a regular file".into();
            return Err(CheckpointError::NotACheckpoint { path: path.into(), found });
        }
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        if length > MAX_FILE {
            return Err(CheckpointError::TooLarge { path: path.into(), found: length });
        }
        let (index, start) = read_index(path, length, &mut BufReader::new(&file))?;
        let config = |source| CheckpointError::Config { path: path.into(), source };
        index.header.model.validate().map_err(config)?;

        let mut end = start;
        let starts = std::array::from_fn(|section| {
            let (start, part) = (end, &index.tensors[section]);
            end += part.front().len() as u64 + u64::from(part.bytes);
            start
        });
        if end != length {
            let what = format!("it is {length} bytes long, where its index says {end}");
            return Err(CheckpointError::Damaged { path: path.into(), what });
        }
        Ok(Self { path: path.into(), file, index, starts })
    }

    /// As [`open`](Self::open), and checks every byte.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let checkpoint = Self::open(path)?;
        Section::ALL.into_iter().try_for_each(|section| checkpoint.section(section).map(drop))?;
        Ok(checkpoint)
    }

    /// The bytes of a section, which are those that were written.
    fn section(&self, section: Section) -> Result<Vec<u8>, CheckpointError> {
        let part = &self.index.tensors[section as usize];
        let (front, expected) = (part.front(), part.bytes as usize);
        let mut found = vec![0; front.len()];
        // `open` saw a file of this length.
        let mut bytes = Vec::with_capacity(expected);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.starts[section as usize]))
            .and_then(|_| file.read_exact(&mut found))
            .and_then(|()| file.take(expected as u64).read_to_end(&mut bytes))
            .map_err(|source| match source.kind() {
                io::ErrorKind::UnexpectedEof => self.damaged("it became shorter".into()),
                _ => CheckpointError::Io { action: "read", path: self.path.clone(), source },
            })?;
        if found != front || Sha256::digest(&bytes)[..] != part.sha256 {
            let name = section.name();
            return Err(self.damaged(format!("the SHA-256 of its {name} does not match")));
        }
        Ok(bytes)
    }

    fn damaged(&self, what: String) -> CheckpointError {
        CheckpointError::Damaged { path: self.path.clone(), what }
    }

    /// What it says beside its tensors.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.index.header
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
        let section = match weights {
            Weights::Averaged => Section::AveragedGenerator,
            Weights::Raw => Section::Generator,
        };
        let model = &self.header().model;
        let net = Generator::empty(model, device);
        self.fill(net, section, model.generator_parameters())
    }

    /// Decodes the discriminator alone.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes.
    pub fn discriminator(&self, device: &Device) -> Result<Discriminator, CheckpointError> {
        let model = &self.header().model;
        let net = Discriminator::empty(model, device);
        let count = model.discriminator_parameters();
        self.fill(net, Section::Discriminator, count)
    }

    /// Decodes Adam's moments of the generator.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes.
    pub fn generator_moments(
        &self,
        device: &Device,
    ) -> Result<Moments<Generator>, CheckpointError> {
        let model = &self.header().model;
        let empty = || Generator::empty(model, device);
        let count = 2 * model.generator_parameters();
        let moments = Moments { first: empty(), second: empty() };
        self.fill(moments, Section::GeneratorMoments, count)
    }

    /// Decodes Adam's moments of the discriminator.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes.
    pub fn discriminator_moments(
        &self,
        device: &Device,
    ) -> Result<Moments<Discriminator>, CheckpointError> {
        let model = &self.header().model;
        let empty = || Discriminator::empty(model, device);
        let count = 2 * model.discriminator_parameters();
        let moments = Moments { first: empty(), second: empty() };
        self.fill(moments, Section::DiscriminatorMoments, count)
    }

    fn fill<M: Module>(
        &self,
        module: M,
        section: Section,
        parameters: usize,
    ) -> Result<M, CheckpointError> {
        let (path, name) = (&self.path, section.name());
        let mismatch = |what| CheckpointError::Mismatch { path: path.clone(), section: name, what };
        let bytes = self.section(section)?;
        if bytes.len() < parameters * size_of::<f32>() {
            let (found, need) = (bytes.len(), parameters * size_of::<f32>());
            return Err(mismatch(format!("{found} bytes, where its sizes take {need}")));
        }
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes))
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

/// The index of a file of `length` bytes, and where its tensors begin.
fn read_index(
    path: &Path,
    length: u64,
    file: &mut (impl Read + Seek),
) -> Result<(Index, u64), CheckpointError> {
    let damaged = |what: String| CheckpointError::Damaged { path: path.into(), what };
    let cut = || damaged(format!("it ends early or is garbled ({length} bytes long)"));
    let mut begin = Vec::new();
    let io = |source| CheckpointError::Io { action: "read", path: path.into(), source };
    file.take(1 + FORMAT.len() as u64).read_to_end(&mut begin).map_err(io)?;
    // A map of any length: another version may be laid out otherwise.
    if begin.first().is_none_or(|map| map & 0xf0 != 0x80) || !begin[1..].starts_with(FORMAT) {
        let found = describe(&begin);
        return Err(CheckpointError::NotACheckpoint { path: path.into(), found });
    }
    let version: u64 = rmp::decode::read_int(file).map_err(|_| cut())?;
    if !(OLDEST_VERSION..=VERSION).contains(&version) {
        return Err(CheckpointError::Version { path: path.into(), found: version });
    }
    expect(file, DIGEST).filter(|()| begin[0] == MAP).ok_or_else(cut)?;
    let mut digest = [0; 32];
    file.read_exact(&mut digest).map_err(|_| cut())?;
    expect(file, INDEX).ok_or_else(cut)?;
    let size = rmp::decode::read_bin_len(file).map_err(|_| cut())?;
    if size > MAX_INDEX || u64::from(size) > length {
        return Err(cut());
    }
    let mut index = vec![0; size as usize];
    file.read_exact(&mut index).map_err(|_| cut())?;
    if Sha256::digest(&index)[..] != digest {
        return Err(damaged("the SHA-256 of its index does not match".into()));
    }
    let index = rmp_serde::from_slice(&index)
        .map_err(|error| damaged(format!("its index is garbled: {error}")))?;
    expect(file, TENSORS).ok_or_else(cut)?;
    Ok((index, file.stream_position().map_err(io)?))
}

/// Reads past `token`, if it comes next.
fn expect(file: &mut impl Read, token: &[u8]) -> Option<()> {
    let mut found = vec![0; token.len()];
    file.read_exact(&mut found).ok().filter(|()| found == token)
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
    if bytes[0] & 0xf0 == 0x80 && FORMAT.starts_with(&bytes[1..]) {
        return format!("ends after {} bytes", bytes.len());
    }
    match known.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((_, name)) => (*name).into(),
        None => format!("starts with the bytes {:02x?}", &bytes[..bytes.len().min(8)]),
    }
}
