//! How much memory the readers allocate for a malicious file of 1 KB.
//!
//! A separate test binary, because its allocator counts every allocation of the process.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::alloc::System;
use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[expect(dead_code, reason = "some of it is only for the fuzz targets")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The largest file size in these tests.
const SMALL: usize = 1 << 10;
/// Limit of the total allocations for one file, including those already freed. The target
/// `checkpoint` reads five sections, and up to 1 MB is reserved for each list length in the file;
/// `image` decodes one several times, each time into at most 4 MB.
const LIMIT: usize = 16 << 20;

/// Asserts that a target reads `bytes`, whose first byte is its mode, within the limit.
fn reads(name: &str, what: &str, bytes: &[u8]) {
    assert!(bytes.len() <= 1 + SMALL, "{name}, {what}: {} bytes", bytes.len());
    let (_, target) = targets::TARGETS.into_iter().find(|(target, _)| *target == name).unwrap();
    // Initialises what all inputs share.
    target(&[]);
    let before = Region::new(ALLOCATOR);
    target(bytes);
    let change = before.change();
    let taken = change.bytes_allocated + change.bytes_reallocated.unsigned_abs();
    assert!(taken < LIMIT, "{name}, {what}: {taken} bytes");
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A chunk of a PNG.
fn chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(body);
    let length = (body.len() as u32).to_be_bytes();
    joined(&[&length, kind, body, &crc.sum().to_be_bytes()])
}

/// A PNG of this size that contains the chunk `middle` and too few pixels.
fn png(width: u32, height: u32, middle: &[u8]) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[16, 6, 0, 0, 0]].concat();
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::best());
    pixels.write_all(&[0; 10]).unwrap();
    let pixels = chunk(b"IDAT", &pixels.finish().unwrap());
    let begin = b"\x89PNG\r\n\x1a\n";
    joined(&[&[1], begin, &chunk(b"IHDR", &head), middle, &pixels, &chunk(b"IEND", &[])])
}

fn deflated(length: usize) -> Vec<u8> {
    let mut body = ZlibEncoder::new(Vec::new(), Compression::best());
    body.write_all(&vec![0; length]).unwrap();
    body.finish().unwrap()
}

fn images() {
    for count in ["18446744073709551615", "4294967295", "1"] {
        let header =
            format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 784), }}\n");
        let length = (header.len() as u16).to_le_bytes();
        let array = joined(&[b"\0\x93NUMPY\x01\0", &length, header.as_bytes(), &[0; 700]]);
        reads("array", count, &array);
    }
    for version in [1, 2, 3] {
        let header = [0, 0x93, b'N', b'U', b'M', b'P', b'Y', version, 0, 255, 255, 255, 255];
        reads("array", "a long header", &header);
        let nested = joined(&[&header[..9], &[200, 0, 0, 0], &b"([{".repeat(300)]);
        reads("array", "brackets", &nested);
    }
    reads("image", "no such size", &png(u32::MAX >> 1, u32::MAX >> 1, &[]));
    reads("image", "a large size", &png(1 << 16, 1 << 16, &[]));
    // A colour profile and texts that decompress to much more.
    for (kind, front) in
        [(&b"iCCP"[..], &b"a\0\0"[..]), (b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\x01\0\0\0")]
    {
        let bomb = chunk(kind, &joined(&[front, &deflated(800_000)]));
        reads("image", "a long text", &png(28, 28, &bomb));
    }
    let long = [&(u32::MAX >> 1).to_be_bytes()[..], b"tEXt", b"a\0b"].concat();
    reads("image", "a long chunk", &png(28, 28, &long));
    // Formats that need few bytes for a large size.
    let bmp = [b"BM", &[0; 8][..], &[54, 0, 0, 0, 40, 0, 0, 0]].concat();
    let bmp = [&bmp[..], &16_000_u32.to_le_bytes(), &16_000_u32.to_le_bytes(), &[1, 0, 24, 0]];
    reads("image", "a large BMP", &joined(&[&[0], &bmp.concat(), &[0; 500]]));
    let gif = [b"GIF89a", &[255; 4][..], &[0, 0, 0, b',', 0, 0, 0, 0], &[255; 4], &[0, 2, 1, 4]];
    reads("image", "a large GIF", &joined(&[&[0], &gif.concat(), &[0; 500]]));
    let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\x01\x11\0\x02\x11\0\x03\x11\0";
    reads("image", "a large JPEG", &joined(&[&[0], jpeg, &[0; 500]]));
    let webp = b"RIFF\xf0\x01\0\0WEBPVP8L\xe4\x01\0\0\x2f\xff\xff\xff\x0f";
    reads("image", "a large WebP", &joined(&[&[0], webp, &[0; 500]]));
}

fn tables() {
    let digits = joined(&[&[0], &gzip(&b"12,".repeat(200_000))]);
    reads("table", "a long line", &digits);
    let fields = joined(&[&[0], &gzip(&b",".repeat(900_000))]);
    reads("table", "many columns", &fields);
    let quoted = joined(&[&[0], &gzip(&[b"\"", &b"1\n".repeat(400_000)[..]].concat())]);
    reads("table", "an open quote", &quoted);
}

fn idx() {
    for head in [[0x803, u32::MAX, 9, 9], [0x804, 9, u32::MAX, 9], [0x803, 99, 64, 64]] {
        let head = head.map(u32::to_be_bytes).concat();
        reads("idx", "a large size", &joined(&[&[4, 0], &head, &[0, 0, 0, 3], &[0; 900]]));
        let bomb = gzip(&joined(&[&head, &[0, 0, 0, 3], &vec![0; 900_000]]));
        reads("idx", "a large size that inflates", &joined(&[&[12, 0], &bomb]));
    }
    for count in [2, u32::MAX] {
        let head = [0x803, count, 28, 28].map(u32::to_be_bytes).concat();
        reads("idx", "images", &joined(&[&[2], &head, &[0; 900]]));
        let bomb = gzip(&joined(&[&head, &vec![0; 900_000]]));
        reads("idx", "images that inflate", &joined(&[&[3], &bomb]));
    }
    let head = [0x801, 5].map(u32::to_be_bytes).concat();
    reads(
        "idx",
        "labels that inflate",
        &joined(&[&[1], &gzip(&joined(&[&head, &vec![0; 900_000]]))]),
    );
    // A file name, a comment and an extra field in the gzip header.
    reads("idx", "a long name", &joined(&[&[1], b"\x1f\x8b\x08\x18\0\0\0\0\0\x03", &[b'n'; 900]]));
    reads(
        "idx",
        "a long extra field",
        &joined(&[&[1], b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\xff\xff", &[0; 900]]),
    );
}

/// `MessagePack` with huge lengths or deep nesting.
fn bombs() -> Vec<Vec<u8>> {
    let mut bombs: Vec<_> = [0xdc_u8, 0xdd, 0xde, 0xdf, 0xda, 0xdb, 0xc5, 0xc6, 0xc8, 0xc9]
        .map(|kind| joined(&[&[kind, 0xff, 0xff, 0xff, 0xff], &[1; 500]]))
        .into();
    bombs.extend([b"\x91", b"\x81"].map(|one| one.repeat(700)));
    bombs
}

fn checkpoint() {
    let file = targets::small_file();
    let index = targets::index_of(file);
    let at = file.windows(index.len()).position(|bytes| bytes == index).unwrap();
    for bomb in bombs() {
        reads("checkpoint", "its index", &joined(&[&[1], &bomb]));
        reads("checkpoint", "its sections", &joined(&[&[2], &bomb]));
        reads("checkpoint", "its beginning", &joined(&[&[0], &file[..at - 3], &bomb]));
        // Instead of layer widths and of a name.
        for key in ["generator_hidden", "recipe", "name"] {
            let key = index.windows(key.len()).position(|found| found == key.as_bytes()).unwrap()
                + key.len();
            let rest = SMALL - key.min(SMALL);
            let cut = &bomb[..bomb.len().min(rest)];
            reads("checkpoint", "a field", &joined(&[&[1], &index[..key], cut]));
        }
    }
    // An index with a length up to the largest possible.
    for length in [1_u32 << 20, u32::MAX] {
        let long = joined(&[&[0], &file[..at - 3], b"\xc6", &length.to_be_bytes(), &[0; 500]]);
        reads("checkpoint", "a long index", &long);
    }
    burnpack(|pack| reads("checkpoint", "burnpack", &joined(&[&[2], pack])));
}

/// Burnpack whose metadata is invalid, or is CBOR with huge lengths or deep nesting.
fn burnpack(reads: impl Fn(&[u8])) {
    let pack =
        |metadata: &[u8], length: u32| joined(&[b"NRUB\x01\0", &length.to_le_bytes(), metadata]);
    reads(&pack(&[], u32::MAX));
    reads(&pack(&[], 100 << 20));
    let tensors = b"\xa3\x67tensors";
    let shape = b"\xa3\x67tensors\xa1\x61a\xa3\x65dtype\x63F32\x65shape";
    let words = b"\xa3\x68metadata";
    for begin in [&b""[..], tensors, shape, words] {
        // Arrays, maps, texts and byte strings with a 32-bit, a 64-bit and an indefinite length.
        for kind in [0x9a_u8, 0x9b, 0xba, 0xbb, 0x7a, 0x7b, 0x5a, 0x5b, 0x9f, 0xbf, 0x7f, 0x5f] {
            let bomb = joined(&[begin, &[kind], &[0x7f; 8], &[0; 200]]);
            reads(&pack(&bomb, bomb.len() as u32));
        }
        for one in [0x81, 0xa1, 0xc1, 0x9f] {
            let bomb = joined(&[begin, &[one; 800]]);
            reads(&pack(&bomb, bomb.len() as u32));
        }
    }
}

fn feature_extractor() {
    let begin = b"\x84\xa6format\xa9gan-ruler\xa7version\x01\xa5about";
    for bomb in bombs() {
        reads("feature_extractor", "the file", &joined(&[&[0], &bomb]));
        reads("feature_extractor", "its description", &joined(&[&[0], begin, &bomb]));
        reads("feature_extractor", "its name", &joined(&[&[0], begin, b"\x85\xa4name", &bomb]));
    }
}

/// Text files with deep nesting, long keys and many keys.
fn texts() {
    for (open, close) in [("[", "]"), ("{a=", "}"), ("{\"a\":", "}")] {
        let nested = open.repeat(1_000 / open.len());
        reads("config", open, &format!("a={nested}").as_bytes()[..1_000]);
        let closed = format!("{}1{}", open.repeat(150), close.repeat(150));
        reads("config", open, format!("a={closed}").as_bytes());
        for mode in [0, 1] {
            reads("run", open, &joined(&[&[mode], nested.as_bytes()]));
            reads("run", open, &joined(&[&[mode], closed.as_bytes()]));
        }
    }
    reads("config", "a long key", format!("{} = 1", "k".repeat(1_000)).as_bytes());
    reads("config", "a path of keys", format!("{}a = 1", "a.".repeat(500)).as_bytes());
    reads("config", "many tables", "[[a]]\n".repeat(170).as_bytes());
    reads("config", "a path of tables", format!("[{}a]", "a.".repeat(500)).as_bytes());
    reads("config", "numbers", format!("generator-hidden=[{}]", "9,".repeat(490)).as_bytes());
    reads("config", "no text", &[0xff; 1_000]);
    reads("run", "rows", &joined(&[&[0], &b"{}\n".repeat(300)]));
}

#[test]
fn a_malicious_file_of_1_kb_allocates_at_most_a_few_mb() {
    // The weights of a feature extractor take 2 MB, so its network is not initialised here.
    images();
    tables();
    idx();
    checkpoint();
    feature_extractor();
    texts();
    limits();
}

/// Larger files are read only up to their limit.
fn limits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    // A sparse file of 100 MB.
    fs::File::create(&path).unwrap().set_len(100 << 20).unwrap();
    let takes = |what: &str, read: &dyn Fn()| {
        let before = Region::new(ALLOCATOR);
        read();
        let change = before.change();
        let taken = change.bytes_allocated + change.bytes_reallocated.unsigned_abs();
        assert!(taken < LIMIT, "{what}: {taken} bytes");
    };
    let device = burn::tensor::Device::flex();
    takes("a configuration", &|| {
        assert!(gan_cli::train::config_file::read(&path).is_err());
    });
    takes("a feature extractor", &|| {
        assert!(gan_eval::FeatureExtractor::read(&path, &device).is_err());
    });
    takes("a checkpoint", &|| {
        assert!(gan_model::checkpoint::Checkpoint::read(&path).is_err());
    });
    for name in ["images.csv", "images.npy", "images.zip", "image.png", "train-images-idx3-ubyte"] {
        let path = dir.path().join(name);
        fs::File::create(&path).unwrap().set_len(100 << 20).unwrap();
        takes(name, &|| {
            let source = gan_data::Source { path: path.clone(), ..gan_data::Source::default() };
            assert!(gan_data::open(&source, &|_| ()).is_err());
        });
        fs::remove_file(&path).unwrap();
    }
    let config = dir.path().join("config.json");
    fs::rename(&path, config).unwrap();
    takes("a run's configuration", &|| {
        assert!(gan_run::RunDir::read_config::<serde_json::Value>(dir.path()).is_none());
    });
    let run = gan_run::RunDir::create(&dir.path().join("run")).unwrap();
    fs::rename(dir.path().join("config.json"), run.metrics()).unwrap();
    takes("metrics", &|| run.rewind_metrics(9, |_| ()).unwrap());
}
