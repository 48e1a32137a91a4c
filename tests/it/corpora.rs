//! Every seed of the fuzz targets, and every input that once made one fail, on stable Rust.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use gan_model::checkpoint::{Checkpoint, Header, Sections};
use gan_model::{Loss, Schedule};
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Rgba};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

#[test]
fn no_fuzzing_input_makes_its_target_panic() {
    let mut total = 0;
    for (name, target) in targets::TARGETS {
        let inputs = targets::inputs(folder(), name);
        assert!(inputs.len() >= 5, "{name} has {} seeds", inputs.len());
        for (_, bytes) in inputs {
            total += bytes.len();
            target(&bytes);
        }
    }
    assert!(total < 300_000, "{total} bytes of seeds");
}

/// Fuzzing without coverage on stable Rust; `GAN_MUTATIONS` is the number of inputs per target,
/// 200 by default.
#[test]
fn random_changes_of_seeds_do_not_make_targets_panic() {
    let count = std::env::var("GAN_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    for (name, target) in targets::TARGETS {
        let seeds: Vec<_> = targets::inputs(folder(), name).into_iter().map(|it| it.1).collect();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..count {
            let bytes = changed(&mut random, &seeds);
            let passed = std::panic::catch_unwind(|| target(&bytes)).is_ok();
            assert!(passed, "{name} panics on {bytes:02x?}");
        }
    }
}

/// Pseudo-random numbers (Marsaglia 2003, 64-bit xorshift).
struct Random(u64);

impl Random {
    /// One of `0..end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

/// A seed with up to six changes, mostly not of its first byte, the mode.
fn changed(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len()).max(usize::from(random.below(20) > 0)).min(bytes.len());
        let end = (at + 1 + random.below(24)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            2 => {
                let number = [0_u32, 1, 0xffff, 1 << 31, u32::MAX - 1, u32::MAX][random.below(6)];
                let number = number.to_be_bytes().into_iter().take(end - at);
                number.zip(at..).for_each(|(byte, at)| bytes[at] = byte);
            }
            3 => drop(bytes.drain(at..end)),
            4 if bytes.len() < 1 << 14 => {
                let part = bytes[at..end].repeat(1 + random.below(40));
                bytes.splice(at..at, part);
            }
            5 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let to = (from + random.below(64)).min(other.len());
                bytes.splice(at..end, other[from.min(to)..to].iter().copied());
            }
            6 if random.below(4) == 0 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

/// Seeds that our programs wrote are read without an error, so that fuzzing gets past the first
/// checks.
#[test]
fn valid_seeds_are_read() {
    let read = |target: &str, name: &str| {
        fs::read(folder().join("corpus").join(target).join(name)).unwrap()[1..].to_vec()
    };
    for (name, gzip, images, count) in
        [("images", false, true, 2), ("labels.gz", true, false, 5), ("images.gz", true, true, 2)]
    {
        gan_data::read_idx(&read("idx", name), gzip, images, count).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let write = |bytes: &[u8]| {
        let path = dir.path().join("file");
        fs::write(&path, bytes).unwrap();
        path
    };
    let device = &burn::tensor::Device::flex();
    for bytes in [
        read("checkpoint", "file"),
        read("checkpoint", "file-2"),
        targets::with_index(&read("checkpoint", "index")),
        targets::with_index(&read("checkpoint", "index-all")),
    ] {
        let checkpoint = Checkpoint::read(&write(&bytes)).unwrap();
        checkpoint.discriminator_moments(device).unwrap();
    }
    let section = targets::with_sections(&read("checkpoint", "generator"));
    let checkpoint = Checkpoint::read(&write(&section)).unwrap();
    checkpoint.generator(gan_model::checkpoint::Weights::Raw, device).unwrap();
    let path = write(&read("array", "bytes"));
    let source = gan_data::Source { path, ..gan_data::Source::default() };
    let (pixels, _) = gan_data::read_samples(&source, gan_data::MNIST_SHAPE, &|_| ()).unwrap();
    assert_eq!(pixels, [0; 784]);
    let extractor = write(&targets::with_weights(&read("feature_extractor", "weights")));
    gan_eval::FeatureExtractor::read(&extractor, device).unwrap();
}

/// Writes the seeds to `fuzz/corpus`; inputs that made a target fail are there under other names.
#[test]
#[ignore = "writes fuzz/corpus"]
fn seeds_are_written() {
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = folder().join("corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    };
    let moded = |target: &str, name: &str, mode: u8, bytes: &[u8]| {
        write(target, name, &[&[mode], bytes].concat());
    };
    idx(&moded);
    checkpoint(&moded);
    config(&write);
    arrays(&moded);
    tables(&moded);
    archives(&moded);
    images(&moded);
    // `parquet` has tables that PyArrow wrote: they stay as they are.
    feature_extractor(&moded);
    run(&moded);
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut gzip, content).unwrap();
    gzip.finish().unwrap()
}

fn idx(write: &impl Fn(&str, &str, u8, &[u8])) {
    let header = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
    let images = [header(&[0x803, 2, 28, 28]), (0..1568).map(|i| (i % 251) as u8).collect()];
    let (images, labels) = (images.concat(), [header(&[0x801, 5]), vec![0, 9, 5, 1, 2]].concat());
    write("idx", "images", 2, &images);
    write("idx", "labels", 0, &labels);
    write("idx", "images.gz", 3, &gzip(&images));
    write("idx", "labels.gz", 1, &gzip(&labels));
    write("idx", "members.gz", 1, &[gzip(&labels[..9]), gzip(&labels[9..])].concat());
    write("idx", "bomb.gz", 1, &gzip(&[labels, vec![0; 1 << 20]].concat()));
    write("idx", "many", 2, &header(&[0x803, u32::MAX, 28, 28]));
    let colour = [header(&[0x804, 2, 3, 5, 4]), vec![9; 120]].concat();
    write("idx", "colour", 4, &[vec![0], colour.clone()].concat());
    write("idx", "colour.gz", 12, &[vec![3], gzip(&colour)].concat());
}

fn checkpoint(write: &impl Fn(&str, &str, u8, &[u8])) {
    let file = targets::small_file();
    write("checkpoint", "file", 0, file);
    let (header, Sections { generator, discriminator, generator_moments, .. }) = targets::small();
    write("checkpoint", "generator", 2, &generator);
    write("checkpoint", "discriminator", 2, &discriminator);
    write("checkpoint", "moments", 2, &generator_moments);

    let index = targets::index_of(file);
    write("checkpoint", "index", 1, index);
    let mut changed = header;
    changed.training.d_lr = Some(0.5);
    changed.training.schedule = Schedule::Linear;
    changed.training.loss = Loss::Hinge;
    // As gan-train writes it, with the same tensors.
    let mut other = Vec::new();
    targets::small().1.encode(&changed, &mut other).unwrap();
    write("checkpoint", "index-all", 1, targets::index_of(&other));
    // `file-2` is of version 2, which this program does not write: it stays as it is.
}

fn config(write: &impl Fn(&str, &str, &[u8])) {
    write("config", "short", b"epochs = 2000\nrecipe = \"plain\"\ngenerator-hidden = [128, 256]\n");
    let rest = "batch = 64\nlr = 2e-4\nbeta1 = 0.5\nsample_every = 100\noffline = true\n\
        dataset = 'synthetic'\ndata-dir = '''data'''\nloss = \"hinge\"\nseed = 0xff\n\
        discriminator-hidden = [\n  8, # few\n  9,\n]\nema = inf\nspectral-norm = false\n";
    write("config", "long", rest.as_bytes());
    write("config", "misspelt", b"epoch = 1\n");
    write("config", "nested", b"a.b.c = {d = [[{e = 1979-05-27T07:32:00Z}]]}\n[[f]]\n[f.g]\n");
    write("config", "empty", b"");
    write("config", "long-key", format!("{} = 1\n", "k".repeat(4_000)).as_bytes());
}

/// An array of NumPy with this header.
fn npy(header: &str, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), body].concat()
}

const PLAIN: &str = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 28, 28), }\n";

fn arrays(write: &impl Fn(&str, &str, u8, &[u8])) {
    write("array", "bytes", 0, &npy(PLAIN, &[0; 784]));
    write("array", "flat", 0, &npy(&PLAIN.replace("28, 28", "784"), &[7; 784]));
    let many = PLAIN.replace("(1,", "(18446744073709551615,");
    write("array", "many", 0, &npy(&many, &[0; 784]));
    let record = "{'descr': [('a', '<f4', (2, 3))], 'fortran_order': True, 'shape': (), }\n";
    write("array", "record", 0, &npy(record, &[0; 24]));
    let second = [b"\x93NUMPY\x02\0", &(PLAIN.len() as u32).to_le_bytes()[..], PLAIN.as_bytes()];
    write("array", "second", 0, &[&second.concat()[..], &[0; 784]].concat());
    // This took a general parser exponential time, and the one above overflowed its u64.
    write("array", "brackets", 0, &npy(&"[".repeat(30), &[]));
    let floats = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3, 5, 4), }\n";
    let numbers: Vec<u8> = (0..120).flat_map(|x| (x as f32 / 60.0 - 1.0).to_le_bytes()).collect();
    write("array", "floats", 0, &npy(floats, &numbers));
    write("array", "resized", 7, &npy(floats, &numbers));
    let big = "{'descr': '>i2', 'fortran_order': False, 'shape': (2, 9), }\n";
    write("array", "whole", 0, &npy(big, &[0, 200].repeat(18)));
}

fn tables(write: &impl Fn(&str, &str, u8, &[u8])) {
    let head = "label,pixel0,pixel1,pixel2,pixel3\n5,0,255,7,8\n6,1,2,3,4\n";
    write("table", "kaggle", 0, head.as_bytes());
    write("table", "no-head", 0, b"1,2,3,4\r\n5,6,7,255\r\n");
    write("table", "quoted", 0, b"\"1x1\",\"1x2\",\"class\"\n0,1,2\n");
    write("table", "open-quote", 0, b"\"label,1\n2,3\n4,5\n");
    write("table", "no-end", 9, b"1.00,2\n3,4");
    write("table", "gzip", 0, &gzip(head.as_bytes()));
    write("table", "bomb", 0, &gzip(&b"1".repeat(3 << 20)));
}

fn archives(write: &impl Fn(&str, &str, u8, &[u8])) {
    let zip = |files: &[(&str, &[u8])]| {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(*name, options).unwrap();
            std::io::Write::write_all(&mut zip, bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    let two = npy(&PLAIN.replace("(1, 28, 28)", "(2, 3, 3)"), &[9; 18]);
    let labels = npy("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n", &[0; 16]);
    let keras = zip(&[("x_train.npy", &two), ("y_train.npy", &labels), ("x_test.npy", &two)]);
    write("archive", "keras", 0, &keras);
    let image = encoded(GrayImage::new(3, 2), ImageFormat::Png);
    let classes: &[(&str, &[u8])] = &[("a/train/x/0.png", &image), ("a/train/y/0.png", &image)];
    write("archive", "classes", 0, &zip(classes));
    let json = br#"{"labels": [["0.png", 3], ["1.png", 4]]}"#;
    let stylegan = zip(&[("0.png", &image), ("1.png", &image), ("dataset.json", json)]);
    write("archive", "dataset-json", 3, &stylegan);
    write("archive", "climbing", 0, &zip(&[("../0.png", &image)]));
    write("archive", "empty", 0, &zip(&[]));
    write("archive", "cut", 0, &keras[..keras.len() - 30]);
    write("archive", "bomb", 0, &zip(&[("0.png", &vec![0; 1 << 20])]));
}

fn images(write: &impl Fn(&str, &str, u8, &[u8])) {
    let png = |image: DynamicImage| encoded(image, ImageFormat::Png);
    let shade = |x, y| image::Luma([(x * 9 + y) as u8]);
    write("image", "grey", 0, &png(GrayImage::from_fn(28, 28, shade).into()));
    write("image", "colour", 0, &png(ImageBuffer::<Rgba<u16>, _>::new(28, 28).into()));
    write("image", "wide", 5, &png(GrayImage::new(3_000, 1).into()));
    let colours = |x: u32, y: u32| image::Rgb([(x * 9) as u8, (y * 9) as u8, 99]);
    let image = || ImageBuffer::from_fn(12, 9, colours);
    write("image", "jpeg", 0, &encoded(image(), ImageFormat::Jpeg));
    write("image", "gif", 1, &encoded(image(), ImageFormat::Gif));
    write("image", "bmp", 3, &encoded(image(), ImageFormat::Bmp));
    write("image", "webp", 20, &encoded(image(), ImageFormat::WebP));
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn feature_extractor(write: &impl Fn(&str, &str, u8, &[u8])) {
    let whole = include_bytes!("../../crates/gan-eval/mnist-1.extractor");
    write("feature_extractor", "cut", 0, &whole[..2_000]);
    let begin = whole.windows(7).position(|bytes| bytes == b"weights").unwrap() + 7 + 5;
    write("feature_extractor", "weights", 1, &whole[begin..begin + 1_024]);
    write("feature_extractor", "no-weights", 1, &[]);
    write("feature_extractor", "empty", 0, &[]);
    write("feature_extractor", "text", 0, b"\x84\xa6format\xa9gan-ruler\xa7version\x02");
}

fn run(write: &impl Fn(&str, &str, u8, &[u8])) {
    let row = |epoch: u64| {
        format!(r#"{{"epoch":{epoch},"d_loss":0.5,"g_loss":1.25,"d_real":0.7,"d_fake":0.3,"#)
            + r#""spread":1.1,"saturated":0.2,"idle":0.0,"seconds":1.5}"#
            + "\n"
    };
    let quality = r#","quality":{"count":2000,"frechet":8.5,"precision":0.9,"recall":0.8,"#
        .to_owned()
        + r#""density":1.0,"coverage":0.9,"score":9.1,"confidence":0.9,"diversity":1.0,"#
        + r#""shares":[0.1,0.9],"missing":[3]},"finding":"collapse","seconds""#;
    write("run", "rows", 0, [row(20), row(40), row(2_000)].concat().as_bytes());
    write("run", "incomplete", 0, [row(20), row(40)[..30].into()].concat().as_bytes());
    write("run", "quality", 0, row(60).replace(",\"seconds\"", &quality).as_bytes());
    write("run", "no-rows", 0, b"");
    let (Header { model, training, dataset, .. }, _) = targets::small();
    let config = gan_train::RunConfig {
        version: "0.1.0".into(),
        model,
        training,
        dataset,
        data_dir: Some("data/mnist".into()),
        data: None,
        images: gan_data::ImageOptions::default(),
        held_out: None,
        feature_extractor: None,
        extractor_digest: None,
        init_from: None,
        device: "flex (CPU)".into(),
    };
    write("run", "config", 1, &serde_json::to_vec_pretty(&config).unwrap());
    write("run", "nested", 1, "[".repeat(2_000).as_bytes());
}
