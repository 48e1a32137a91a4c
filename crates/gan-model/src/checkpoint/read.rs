//! Reading a checkpoint: first the index, then the requested sections, each checked against it.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleDisplay};
use burn::tensor::{DType, Device};
use gan_core::stream::Purpose;
use gan_core::{FileError, memory};
use sha2::{Digest, Sha256};

use super::legacy;
use super::tensors::record;
use super::{
    CheckpointError, DIGEST, FORMAT, Header, INDEX, Index, MAP, MAX_AROUND, MAX_FILE, MAX_INDEX,
    Moments, OLDEST_VERSION, Section, TENSORS, VERSION, is_name,
};
use crate::discriminator::Discriminator;
use crate::generator::Generator;
use crate::layers::{LayerSpec, parameters, with_param_ids};

/// Which of the generator's two sets of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// The exponential moving average over training, which gives the better samples.
    #[default]
    Averaged,
    /// The weights after the last step.
    Raw,
}

/// An open checkpoint. It is read through one handle, so it stays the one that was opened
/// when a training replaces the file.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    source: Source,
    version: u64,
    index: Index,
    /// Where each section begins.
    starts: [u64; 5],
}

/// Where the bytes are.
#[derive(Debug)]
enum Source {
    File(File),
    Bytes(Vec<u8>),
}

/// What a checkpoint is read through.
trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

impl Source {
    fn with_reader<T>(&self, read: impl FnOnce(&mut dyn ReadSeek) -> T) -> T {
        match self {
            Self::File(file) => read(&mut &*file),
            Self::Bytes(bytes) => read(&mut Cursor::new(bytes)),
        }
    }
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
            _ => FileError::new("read", path)(source).into(),
        };
        // Before it is opened: opening a pipe would wait for its other end.
        if !path.metadata().map_err(io)?.is_file() {
            let found = "is not a regular file".into();
            return Err(CheckpointError::NotACheckpoint { path: path.into(), found });
        }
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        Self::from_source(path, Source::File(file), length)
    }

    /// As [`open`](Self::open), of a checkpoint in memory; `name` stands for its path in errors.
    ///
    /// # Errors
    /// Says what is wrong with the bytes.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, CheckpointError> {
        let length = bytes.len() as u64;
        Self::from_source(Path::new(name), Source::Bytes(bytes), length)
    }

    fn from_source(path: &Path, source: Source, length: u64) -> Result<Self, CheckpointError> {
        if length > MAX_FILE {
            return Err(CheckpointError::TooLarge { path: path.into(), found: length });
        }
        let (version, index, start) =
            source.with_reader(|reader| read_index(path, length, &mut BufReader::new(reader)))?;
        let config = |source| CheckpointError::Config { path: path.into(), source };
        index.header.model.validate().map_err(config)?;
        let Header { training, dataset, .. } = &index.header;
        if ![&training.recipe, &dataset.name, &dataset.digest].into_iter().all(|text| is_name(text))
        {
            let what =
                "its recipe or data set has a name that is long or has control characters".into();
            return Err(CheckpointError::Damaged { path: path.into(), what });
        }

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
        Ok(Self { path: path.into(), source, version, index, starts })
    }

    /// As [`open`](Self::open), and checks every byte.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let checkpoint = Self::open(path)?;
        for section in Section::ALL {
            let mut digest = Sha256::new();
            checkpoint.copy(section, &mut digest)?;
            checkpoint.check(section, &digest.finalize())?;
        }
        Ok(checkpoint)
    }

    /// The bytes of a section, checked against its digest.
    fn section(&self, section: Section) -> Result<Vec<u8>, CheckpointError> {
        // `open` saw a file of this length.
        let bytes = memory::reserve(self.index.tensors[section as usize].bytes as usize);
        let mut bytes = bytes.map_err(|refused| {
            FileError::new("read", &self.path)(io::Error::new(io::ErrorKind::OutOfMemory, refused))
        })?;
        self.copy(section, &mut bytes)?;
        self.check(section, &Sha256::digest(&bytes))?;
        Ok(bytes)
    }

    /// Copies a section's bytes without a check.
    fn copy(&self, section: Section, to: &mut impl Write) -> Result<(), CheckpointError> {
        let part = &self.index.tensors[section as usize];
        let mut front = part.front();
        let start = SeekFrom::Start(self.starts[section as usize]);
        let copied = self.source.with_reader(|reader| {
            reader.seek(start)?;
            reader.read_exact(&mut front)?;
            io::copy(&mut reader.take(part.bytes.into()), to)
        });
        copied.map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("it became shorter".into()),
            _ => FileError::new("read", &self.path)(source).into(),
        })?;
        if front == part.front() { Ok(()) } else { Err(self.mismatch(section)) }
    }

    fn check(&self, section: Section, digest: &[u8]) -> Result<(), CheckpointError> {
        let expected = &self.index.tensors[section as usize].sha256;
        if digest == expected { Ok(()) } else { Err(self.mismatch(section)) }
    }

    fn mismatch(&self, section: Section) -> CheckpointError {
        self.damaged(format!("the SHA-256 of its {} does not match", section.name()))
    }

    fn damaged(&self, what: String) -> CheckpointError {
        CheckpointError::Damaged { path: self.path.clone(), what }
    }

    /// What it stores beside its tensors.
    pub fn header(&self) -> &Header {
        &self.index.header
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Decodes the generator alone.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes, or not finite.
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
        let net = || Generator::empty(model, device);
        let net = self.decode(section, &model.generator_layers(), 1, net)?;
        Ok(with_param_ids(net, Purpose::GeneratorWeights))
    }

    /// Decodes the discriminator alone.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes, or not finite.
    pub fn discriminator(&self, device: &Device) -> Result<Discriminator, CheckpointError> {
        let model = &self.header().model;
        let net = || Discriminator::empty(model, device);
        let net = self.decode(Section::Discriminator, &model.discriminator_layers(), 1, net)?;
        Ok(with_param_ids(net, Purpose::DiscriminatorWeights))
    }

    /// Decodes Adam's moments of the generator.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes, or not finite.
    pub fn generator_moments(
        &self,
        device: &Device,
    ) -> Result<Moments<Generator>, CheckpointError> {
        let layers = self.header().model.generator_layers();
        let net = || Generator::empty(&self.header().model, device);
        self.moments(Section::GeneratorMoments, &layers, net, Purpose::GeneratorWeights)
    }

    /// Decodes Adam's moments of the discriminator.
    ///
    /// # Errors
    /// When its tensors are not those that the header describes, or not finite.
    pub fn discriminator_moments(
        &self,
        device: &Device,
    ) -> Result<Moments<Discriminator>, CheckpointError> {
        let layers = self.header().model.discriminator_layers();
        let net = || Discriminator::empty(&self.header().model, device);
        self.moments(Section::DiscriminatorMoments, &layers, net, Purpose::DiscriminatorWeights)
    }

    fn moments<N: Module + ModuleDisplay>(
        &self,
        section: Section,
        layers: &[LayerSpec],
        empty: impl Fn() -> N,
        weights: Purpose,
    ) -> Result<Moments<N>, CheckpointError> {
        let both = || Moments { first: empty(), second: empty() };
        let Moments { first, second } = self.decode(section, layers, 2, both)?;
        let [first, second] = [first, second].map(|net| with_param_ids(net, weights));
        Ok(Moments { first, second })
    }

    /// Decodes a section into `nets`, which are `copies` nets of these layers. They are built once the
    /// section has their length: a short file must not allocate large nets.
    fn decode<N: Module + ModuleDisplay>(
        &self,
        section: Section,
        layers: &[LayerSpec],
        copies: usize,
        nets: impl FnOnce() -> N,
    ) -> Result<N, CheckpointError> {
        let mismatch = |what| CheckpointError::Mismatch {
            path: self.path.clone(),
            section: section.name(),
            what,
        };
        let found = self.index.tensors[section as usize].bytes as usize;
        let need = copies * parameters(layers) * size_of::<f32>();
        if !(need..need + MAX_AROUND).contains(&found) {
            return Err(mismatch(format!("{found} bytes, where its sizes take {need}")));
        }
        let mut bytes = self.section(section)?;
        if self.version < legacy::SINCE {
            bytes = legacy::rename_tensors(bytes, layers)
                .map_err(|error| mismatch(error.to_string()))?;
        }
        let record = record(bytes, DType::F32).map_err(mismatch)?;
        nets().try_load_record(record).map_err(|error| mismatch(error.to_string()))
    }
}

/// The version and the index of a file of `length` bytes, and where its tensors begin.
fn read_index(
    path: &Path,
    length: u64,
    file: &mut (impl Read + Seek),
) -> Result<(u64, Index, u64), CheckpointError> {
    let damaged = |what: String| CheckpointError::Damaged { path: path.into(), what };
    let cut = || damaged(format!("it is cut short or corrupt ({length} bytes long)"));
    let mut begin = Vec::new();
    let format = file.take(1 + FORMAT.len() as u64).read_to_end(&mut begin);
    format.map_err(FileError::new("read", path))?;
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
        .map_err(|source| CheckpointError::Index { path: path.into(), source })?;
    expect(file, TENSORS).ok_or_else(cut)?;
    let start = file.stream_position().map_err(FileError::new("read", path))?;
    Ok((version, index, start))
}

/// Skips `token`, if it is next.
fn expect(file: &mut impl Read, token: &[u8]) -> Option<()> {
    let mut found = vec![0; token.len()];
    file.read_exact(&mut found).ok().filter(|()| found == token)
}

/// What a file is that is not a checkpoint.
fn describe(bytes: &[u8]) -> String {
    let known: [(&[u8], &str); 6] = [
        (b"\x89PNG", "is a PNG image"),
        (b"GIF8", "is a GIF image"),
        (b"\xff\xd8\xff", "is a JPEG image"),
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
