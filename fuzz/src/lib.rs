//! The fuzz targets, and the files that their seeds are made from.
//!
//! The tests of the root package include this file, so that every seed, and every input that once
//! made a target fail, is also read on stable Rust by `cargo test`.
//!
//! Readers take paths, so bytes are written to a file in a temporary folder. Fuzzing is fast with
//! that folder in memory: `TMPDIR=/dev/shm`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, OnceLock};

use burn::tensor::Device;
use gan_core::ImageShape;
use gan_data::{Fit, ImageOptions, MNIST_SHAPE as SHAPE, Source};
use gan_model::checkpoint::{Checkpoint, Header, Moments, Sections, Weights, pack};
use gan_model::{DatasetInfo, DenseConfig, Discriminator, Generator, ModelConfig, TrainingConfig};
use gan_run::RunDir;
use gan_train::RunConfig;
use sha2::{Digest, Sha256};

/// A target and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 10] = [
    ("array", array),
    ("table", table),
    ("archive", archive),
    ("image", image),
    ("parquet", parquet),
    ("idx", idx),
    ("checkpoint", checkpoint),
    ("config", config),
    ("feature_extractor", feature_extractor),
    ("run", run),
];

/// IDX, raw or in gzip, of images or of labels: the first byte selects which, or that it is any IDX
/// file.
pub fn idx(bytes: &[u8]) {
    let Some((&mode, bytes)) = bytes.split_first() else { return };
    if mode & 4 == 4 {
        return open(if mode & 8 == 8 { "images" } else { "train-images-idx3-ubyte" }, bytes);
    }
    let (gzip, images) = (mode & 1 == 1, mode & 2 == 2);
    let count = if images { 2 } else { 5 };
    if let Ok(body) = gan_data::read_idx(bytes, gzip, images, count) {
        assert_eq!(body.len(), if images { 2 * gan_data::MNIST_SHAPE.len() } else { 5 });
        assert!(gzip || bytes.ends_with(&body), "the body is the end of the file");
    }
}

/// A checkpoint. The first byte selects what the others are: the file; its index, before tensors of
/// small networks; or every section, after the index of those networks. In the last two the digests
/// are correct, so that the code after their check is reached.
pub fn checkpoint(bytes: &[u8]) {
    let Some((&mode, bytes)) = bytes.split_first() else { return };
    let file = match mode % 3 {
        0 => bytes.to_vec(),
        1 => with_index(bytes),
        _ => with_sections(bytes),
    };
    let place = Place::get();
    let path = place.write("ckpt.mpk", &file);
    if let Ok(checkpoint) = Checkpoint::read(&path) {
        let device = &Device::flex();
        let _ = checkpoint.generator(Weights::Averaged, device);
        let _ = checkpoint.generator(Weights::Raw, device);
        let _ = checkpoint.discriminator(device);
        let _ = checkpoint.generator_moments(device);
        let _ = checkpoint.discriminator_moments(device);
    }
}

/// A configuration file.
pub fn config(bytes: &[u8]) {
    let place = Place::get();
    let _ = gan_cli::train::config_file::read(&place.write("my.toml", bytes));
}

/// An array of NumPy.
pub fn array(bytes: &[u8]) {
    open("images.npy", bytes);
}

/// A table of text, raw or in gzip.
pub fn table(bytes: &[u8]) {
    open("images.csv", bytes);
}

/// A zip archive, of arrays or of images.
pub fn archive(bytes: &[u8]) {
    open("images.zip", bytes);
}

/// A folder with one image. Its name does not tell its format.
pub fn image(bytes: &[u8]) {
    open("folder/0.png", bytes);
}

/// Parquet.
pub fn parquet(bytes: &[u8]) {
    open("images.parquet", bytes);
}

/// Opens a file as a data set and as samples. The first byte selects what is made of the images.
fn open(name: &str, bytes: &[u8]) {
    let Some((&mode, bytes)) = bytes.split_first() else { return };
    let place = Place::get();
    let mut path = place.write(name, bytes);
    if name.starts_with("folder") {
        path.pop();
    }
    let options = ImageOptions {
        size: (mode & 1 == 1).then_some([9, 8]),
        channels: (mode & 2 == 2).then_some(3),
        fit: if mode & 4 == 4 { Fit::Pad } else { Fit::Crop },
        invert: mode & 8 == 8,
        skip_broken: mode & 16 == 16,
        background: None,
    };
    let source = Source { path, options };
    if let Ok(opened) = gan_data::open(&source, &|_| ()) {
        let (shape, test) = (opened.train.shape(), opened.test.shape());
        assert!(shape == test && shape.len() <= 3 * 64 * 64 && opened.held_out != Some(0));
    }
    if let Ok((pixels, _)) = gan_data::read_samples(&source, SHAPE, &|_| ()) {
        assert!(!pixels.is_empty() && pixels.len().is_multiple_of(SHAPE.len()));
    }
}

/// A feature extractor. The first byte selects what the others are: the file; or its weights
/// without the tensors, which are zeros.
pub fn feature_extractor(bytes: &[u8]) {
    let Some((&mode, bytes)) = bytes.split_first() else { return };
    let file = match mode & 1 {
        0 => bytes.to_vec(),
        _ => with_weights(bytes),
    };
    let place = Place::get();
    let path = place.write("some.ruler", &file);
    let _ = gan_eval::FeatureExtractor::read(&path, &Device::flex());
}

/// The metrics or the configuration of a run's directory: the first byte selects which.
pub fn run(bytes: &[u8]) {
    let Some((&mode, bytes)) = bytes.split_first() else { return };
    let place = Place::get();
    if mode & 1 == 1 {
        let path = place.write("run/config.json", bytes);
        let _ = RunDir::read_config::<RunConfig>(path.parent().unwrap_or(&path));
        return;
    }
    place.write("run/metrics.jsonl", bytes);
    let mut epochs = Vec::new();
    let rewound = place.run.rewind_metrics(1_000, |row| epochs.push(row.epoch));
    assert!(rewound.is_ok() && epochs.iter().all(|&epoch| epoch <= 1_000));
}

/// The folder of this process, used by one target at a time.
struct Place {
    root: tempfile::TempDir,
    run: RunDir,
}

impl Place {
    fn get() -> std::sync::MutexGuard<'static, Self> {
        static PLACE: LazyLock<Mutex<Place>> = LazyLock::new(|| {
            let root = tempfile::tempdir().expect("a folder for temporary files");
            let run = RunDir::create(&root.path().join("run")).expect("a new folder");
            fs::create_dir(root.path().join("folder")).expect("a new folder");
            Mutex::new(Place { root, run })
        });
        // A panic leaves no state that matters.
        PLACE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, bytes).expect("room for a small file");
        path
    }
}

/// A checkpoint of small networks.
pub fn small() -> (Header, Sections) {
    let dense = DenseConfig {
        generator_hidden: vec![3],
        discriminator_hidden: vec![2],
        ..DenseConfig::default()
    };
    let image = ImageShape::grey(2, 2);
    let model = ModelConfig { image, latent: 2, ..ModelConfig::dense(dense) };
    let device = &Device::flex();
    let generator = |seed| Generator::init(&model, seed, device);
    let discriminator = |seed| Discriminator::init(&model, seed, device);
    let packed = "tensors in host memory can be packed";
    let sections = Sections {
        averaged_generator: pack(&generator(1)).expect(packed),
        generator: pack(&generator(2)).expect(packed),
        discriminator: pack(&discriminator(2)).expect(packed),
        generator_moments: pack(&Moments { first: generator(3), second: generator(4) })
            .expect(packed),
        discriminator_moments: pack(&Moments { first: discriminator(5), second: discriminator(6) })
            .expect(packed),
    };
    let dataset = DatasetInfo {
        name: "synthetic".into(),
        digest: "00".into(),
        images: 7,
        class_names: Vec::new(),
        labels: None,
    };
    let training = TrainingConfig::default();
    (Header { model, training, dataset, step: 5 }, sections)
}

/// The file of the small checkpoint.
pub fn small_file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let (header, sections) = small();
        let mut file = Vec::new();
        sections.encode(&header, &mut file).expect("writing to memory succeeds");
        file
    })
}

/// The bytes before a checkpoint's digest.
const BEGIN: &[u8] = b"\x85\xa6format\xaegan-checkpoint\xa7version\x05\xa6sha256\xc4\x20";
/// The bytes after the digest.
const INDEX: &[u8] = b"\xa5index\xc6";

/// The offset of a checkpoint's tensors: their key's last occurrence, since the index has one too.
fn tensors_of(file: &[u8]) -> usize {
    file.windows(8).rposition(|bytes| bytes == b"\xa7tensors").unwrap_or(0)
}

/// The index of a checkpoint.
pub fn index_of(file: &[u8]) -> &[u8] {
    &file[BEGIN.len() + 32 + INDEX.len() + 2..tensors_of(file)]
}

/// The small checkpoint with another index.
pub fn with_index(index: &[u8]) -> Vec<u8> {
    let (digest, length) = (Sha256::digest(index), (index.len() as u32).to_be_bytes());
    let tensors = &small_file()[tensors_of(small_file())..];
    [BEGIN, &digest, INDEX, &length, index, tensors].concat()
}

/// The small checkpoint's header before five equal sections.
pub fn with_sections(section: &[u8]) -> Vec<u8> {
    let bytes = || burn::tensor::Bytes::from_bytes_vec(section.to_vec());
    let sections = Sections {
        averaged_generator: bytes(),
        generator: bytes(),
        discriminator: bytes(),
        generator_moments: bytes(),
        discriminator_moments: bytes(),
    };
    let mut file = Vec::new();
    let written = sections.encode(&small().0, &mut file);
    written.expect("writing to memory succeeds");
    file
}

/// Bytes that are appended for the tensors of the built-in feature extractor.
const EXTRACTOR_TENSORS: usize = 470_000;

/// The file of a feature extractor with other weights, followed by zeros.
pub fn with_weights(weights: &[u8]) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct About {
        name: &'static str,
        dataset: &'static str,
        dataset_digest: &'static str,
        classes: usize,
        accuracy: f64,
    }
    #[derive(serde::Serialize)]
    struct Document<'a> {
        format: &'static str,
        version: u64,
        about: About,
        #[serde(with = "serde_bytes")]
        weights: &'a [u8],
    }
    let mut weights = weights.to_vec();
    weights.resize(weights.len() + EXTRACTOR_TENSORS, 0);
    let about = About {
        name: "small",
        dataset: "synthetic",
        dataset_digest: "00",
        classes: 10,
        accuracy: 0.5,
    };
    let document = Document { format: "gan-ruler", version: 1, about, weights: &weights };
    rmp_serde::to_vec_named(&document).expect("serialising to memory succeeds")
}

/// The paths and contents of a target's committed inputs.
pub fn inputs(fuzz: &Path, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz.join("corpus").join(target);
    let entries = fs::read_dir(folder).expect("the corpus of each target");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file's name").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(&path).expect("a file"))).collect()
}
