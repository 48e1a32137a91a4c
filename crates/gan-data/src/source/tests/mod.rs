//! Every kind of source, good and bad, through [`open`].

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageFormat, RgbImage, RgbaImage};
use tempfile::TempDir;

use super::*;

mod archive;
mod csv;
mod folder;
mod idx;
mod npy;
mod options;
mod parquet;

/// Images of a source with the default options.
fn source(path: impl Into<PathBuf>) -> Source {
    Source { path: path.into(), options: ImageOptions::default() }
}

fn opened(path: impl Into<PathBuf>) -> Opened {
    open(&source(path), &|_| ()).unwrap()
}

fn error(path: impl Into<PathBuf>) -> String {
    open(&source(path), &|_| ()).unwrap_err().to_string()
}

/// All images of a source: of training, then of tests.
fn all(path: impl Into<PathBuf>, options: ImageOptions) -> (ImageShape, Vec<u8>, Vec<String>) {
    let split = read(&Source { path: path.into(), options }, None, &|_| ()).unwrap();
    let mut pixels = split.train.pixels;
    pixels.extend(split.test.map_or(Vec::new(), |test| test.pixels));
    (split.train.shape, pixels, split.notes.others)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

fn idx(kind: u8, sizes: &[u32], body: &[u8]) -> Vec<u8> {
    let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
    [&[0, 0, kind, (sizes.len() / 4) as u8], &sizes[..], body].concat()
}

fn npy(kind: &str, fortran: bool, shape: &str, body: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let header =
        format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': ({shape}), }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), body].concat()
}

fn zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, ::zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn grey(value: u8) -> Vec<u8> {
    encoded(GrayImage::from_pixel(3, 2, image::Luma([value])), ImageFormat::Png)
}

/// A folder with these files; a name may have folders in it.
fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    dir
}

/// Four images of 3×2 pixels with labels, and one test image.
const PIXELS: [u8; 24] = [
    0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25, 255, 254, 253, 252, 251, 250,
];
const LABELS: [u8; 4] = [3, 7, 3, 9];

#[test]
fn the_same_images_are_the_same_data_set_whatever_files_they_come_in() {
    let image = |i: usize| {
        encoded(GrayImage::from_raw(3, 2, PIXELS[6 * i..][..6].to_vec()).unwrap(), ImageFormat::Png)
    };
    // In the order of their classes, as a folder has them.
    let order = [0, 2, 1, 3];
    let pixels: Vec<u8> = order.iter().flat_map(|&i| PIXELS[6 * i..][..6].to_vec()).collect();
    let labels = order.map(|i| LABELS[i]);
    let images = idx(8, &[4, 2, 3], &pixels);
    let test = idx(8, &[1, 2, 3], &[7; 6]);
    let [label_file, test_label] = [idx(8, &[4], &labels), idx(8, &[1], &[9])];
    let usual = [
        ("train-images-idx3-ubyte", images.clone()),
        ("train-labels-idx1-ubyte", label_file.clone()),
        ("t10k-images-idx3-ubyte", test.clone()),
        ("t10k-labels-idx1-ubyte", test_label.clone()),
    ];
    let dotted = [
        ("MNIST/raw/train-images.idx3-ubyte.gz", gzip(&images)),
        ("MNIST/raw/train-labels.idx1-ubyte", label_file),
        ("MNIST/raw/test-images.idx3-ubyte.gz", gzip(&test)),
        ("MNIST/raw/test-labels.idx1-ubyte", test_label),
    ];
    let wide: Vec<u8> = labels.iter().flat_map(|&label| i64::from(label).to_le_bytes()).collect();
    let floats: Vec<u8> =
        pixels.iter().flat_map(|&x| (f32::from(x) / 127.5 - 1.0).to_le_bytes()).collect();
    let keras = zip(&[
        ("y_train.npy", npy("<i8", false, "4,", &wide)),
        ("x_train.npy", npy("<f4", false, "4, 1, 2, 3", &floats)),
        ("x_test.npy", npy("|u1", false, "1, 2, 3", &[7; 6])),
        ("y_test.npy", npy("|u1", false, "1, 1", &[9])),
    ]);
    // Three channels, all grey.
    let three = |values: &[u8]| values.iter().flat_map(|&x| [x; 3]).collect::<Vec<u8>>();
    let coloured = zip(&[
        ("x_train.npy", npy("|u1", false, "4, 2, 3, 3", &three(&pixels))),
        ("y_train.npy", npy("|u1", false, "4,", &labels)),
        ("x_test.npy", npy("|u1", false, "1, 2, 3, 3", &[7; 18])),
        ("y_test.npy", npy("|u1", false, "1,", &[9])),
    ]);
    let classes: Vec<(String, Vec<u8>)> = (0..4)
        .map(|i| (format!("train/{}/{i}.png", LABELS[i]), image(i)))
        .chain([("test/9/0.png".into(), grey(7))])
        .collect();
    let classes: Vec<_> = classes.iter().map(|(name, file)| (&name[..], file.clone())).collect();

    let reference = opened(folder(&usual).path());
    assert_eq!(reference.train.images(), pixels);
    assert_eq!(reference.train.labels(), Some(&[0, 0, 1, 2][..]));
    assert_eq!(reference.train.class_names(), ["3", "7", "9"]);
    assert_eq!(reference.test.labels(), Some(&[2][..]));
    assert_eq!(reference.train.name(), format!("images-{:.8}", reference.train.digest()));
    assert_eq!(reference.held_out, None);
    for files in [
        &dotted[..],
        &[("mine.npz", keras)],
        &[("coloured.npz", coloured)],
        &classes,
        &[("mine.zip", zip(&classes.iter().map(|(n, f)| (*n, f.clone())).collect::<Vec<_>>()))],
    ] {
        let found = opened(folder(files).path());
        assert_eq!((found.train, found.test), (reference.train.clone(), reference.test.clone()));
    }
}

#[test]
fn every_cut_of_a_file_is_an_error_that_names_it() {
    let floats: Vec<u8> = (0..8).flat_map(|x| (x as f32 / 8.0).to_le_bytes()).collect();
    let array = npy("<f4", true, "2, 2, 2", &floats);
    let files = [
        ("a.npy", npy("|u1", false, "2, 2, 2", &[9; 8])),
        ("b.npy", array.clone()),
        ("train-images-idx3-ubyte", idx(8, &[2, 2, 2], &[9; 8])),
        ("c.gz", gzip(&idx(8, &[2, 2, 2], &[9; 8]))),
        ("d.npz", zip(&[("x_train.npy", array)])),
        ("e.zip", zip(&[("0.png", grey(1)), ("1.png", grey(2))])),
        ("f.csv.gz", gzip(b"9,2,3,4\n5,6,7,8\n")),
    ];
    for (name, file) in files {
        let dir = folder(&[(name, file.clone())]);
        let path = dir.path().join(name);
        opened(&path);
        for length in 0..file.len() {
            fs::write(&path, &file[..length]).unwrap();
            let error = error(&path);
            assert!(error.contains(name), "{length} bytes of {name}: {error}");
        }
        // A flipped bit may go unnoticed in pixels; it never panics.
        for byte in 0..file.len() {
            let mut flipped = file.clone();
            flipped[byte] ^= 1 << (byte % 8);
            fs::write(&path, &flipped).unwrap();
            if let Err(error) = open(&source(&path), &|_| ()) {
                assert!(error.to_string().contains(name), "byte {byte} of {name}: {error}");
            }
        }
    }
}

#[test]
fn without_test_images_some_are_held_out_by_a_choice_that_never_changes() {
    let of = |count: usize| {
        let pixels: Vec<u8> = (0..count).flat_map(|i| (i as u32).to_le_bytes()).collect();
        let dir = folder(&[("mine.npy", npy("|u1", false, &format!("{count}, 4"), &pixels))]);
        opened(dir.path())
    };
    for (count, expected) in [(2, 1), (60, 30), (300, 100), (2000, 200)] {
        let found = of(count);
        assert_eq!(found.held_out, Some(expected));
        assert_eq!((found.train.len(), found.test.len()), (count - expected, expected));
        let numbers = |images: &Dataset| -> Vec<u32> {
            images.images().as_chunks::<4>().0.iter().map(|x| u32::from_le_bytes(*x)).collect()
        };
        let (train, test) = (numbers(&found.train), numbers(&found.test));
        assert!(train.is_sorted() && test.is_sorted());
        let mut all = [train, test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..count as u32).collect::<Vec<_>>());
        assert_eq!(found, of(count));
    }
    let first: Vec<u8> = of(300).test.images()[..12].iter().step_by(4).copied().collect();
    assert_eq!(first, FIRST_HELD_OUT, "the choice is part of what makes trainings repeat");
    let one = folder(&[("mine.npy", npy("|u1", false, "1, 4", &[0; 4]))]);
    assert!(error(one.path()).contains("it has 1 image; expected 2 or more"));
}

/// The first of 300 images that are held out.
const FIRST_HELD_OUT: [u8; 3] = [3, 4, 17];

#[test]
fn what_is_no_source_is_named() {
    let dir =
        folder(&[("a.png", grey(1)), ("page.html", b"<html>".to_vec()), ("x.bin", vec![1, 2])]);
    assert!(error(dir.path().join("a.png")).contains("it is a single image; expected a folder"));
    assert!(error(dir.path().join("page.html")).contains("it is a web page; expected IDX"));
    assert!(error(dir.path().join("x.bin")).contains("it has none of the known formats"));
    assert!(error(dir.path().join("none")).starts_with("cannot read"));
}

#[test]
fn samples_are_brought_to_the_shape_of_the_data_set() {
    let read = |file: Vec<u8>, shape| {
        let dir = folder(&[("a.npy", file)]);
        read_samples(&source(dir.path().join("a.npy")), shape, &|_| ())
            .map(|(pixels, _)| pixels)
            .map_err(|error| error.to_string())
    };
    let colour = ImageShape { channels: 3, height: 1, width: 2 };
    // Not a square, but as many values as an image has.
    assert_eq!(
        read(npy("|u1", false, "1, 6", &[1, 2, 3, 4, 5, 6]), colour),
        Ok(vec![1, 2, 3, 4, 5, 6])
    );
    assert_eq!(read(npy("|u1", false, "1, 1, 2", &[1, 2]), colour), Ok(vec![1, 1, 1, 2, 2, 2]));
    // White edges are padded with white.
    let white = folder(&[("a.npy", npy("|u1", false, "1, 2, 4", &[255; 8]))]);
    let options = ImageOptions { size: Some([4, 4]), fit: Fit::Pad, ..ImageOptions::default() };
    assert_eq!(all(white.path(), options).1, [255; 16]);
    // With a size, arrays of other sizes are brought to it.
    let dir = folder(&[("a.npy", npy("|u1", false, "1, 4, 4", &[7; 16]))]);
    let options = ImageOptions { size: Some([3, 2]), ..ImageOptions::default() };
    let resized = Source { path: dir.path().into(), options };
    let pixels = read_samples(&resized, ImageShape::grey(2, 3), &|_| ()).unwrap().0;
    assert_eq!(pixels, [7; 6]);
    let three = ImageShape { channels: 3, height: 3, width: 3 };
    let both: Vec<u8> = (0..27).collect();
    assert_eq!(read(npy("|u1", false, "1, 3, 3, 3", &both), three), Ok(both));
    let error = read(npy("|u1", false, "1, 2, 2", &[0; 4]), ImageShape::grey(3, 3)).unwrap_err();
    assert!(error.ends_with("its shape is [1, 2, 2]; expected images of 3x3"), "{error}");
}

#[test]
fn of_samples_neither_labels_nor_test_images_are_read() {
    let images = idx(8, &[1, 2, 2], &[1, 2, 3, 4]);
    let array = npy("|u1", false, "1, 2, 2", &[1, 2, 3, 4]);
    let image = GrayImage::from_raw(2, 2, vec![1, 2, 3, 4]).unwrap();
    let png = encoded(image, ImageFormat::Png);
    let broken = || b"broken".to_vec();
    for files in [
        &[
            ("train-images-idx3-ubyte", images),
            ("train-labels-idx1-ubyte", broken()),
            ("t10k-images-idx3-ubyte", broken()),
        ][..],
        &[(
            "a.npz",
            zip(&[("x_train.npy", array), ("y_train.npy", broken()), ("x_test.npy", broken())]),
        )],
        &[("train.csv", b"label,a,b,c,d\n-1,1,2,3,4\n".to_vec()), ("test.csv", broken())],
        &[("train/0.png", png), ("test/a/0.png", broken()), ("dataset.json", broken())],
    ] {
        let dir = folder(files);
        assert!(open(&source(dir.path()), &|_| ()).is_err());
        let samples = read_samples(&source(dir.path()), ImageShape::grey(2, 2), &|_| ());
        assert_eq!(samples.unwrap().0, [1, 2, 3, 4], "{}", files[0].0);
    }
}

#[test]
fn dark_images_are_noted() {
    let note = |value: u8, options: ImageOptions| {
        let dir = folder(&[("a.npy", npy("|u1", false, "2, 2, 2", &[value; 8]))]);
        let source = Source { path: dir.path().into(), options };
        let found = open(&source, &|_| ()).unwrap().found;
        found.into_iter().find(|(_, text)| text.starts_with("the brightest")).map(|(_, text)| text)
    };
    let plain = ImageOptions::default();
    let expected = "the brightest pixel is 16 of 255: the images are dark; multiply them so that \
                    white is 255";
    assert_eq!(note(16, plain).unwrap(), expected);
    assert_eq!(note(128, plain), None);
    assert_eq!(note(16, ImageOptions { invert: true, ..plain }), None);
}

#[test]
fn of_compressed_files_only_idx_and_csv_are_read() {
    let array = npy("|u1", false, "2, 2, 2", &[9; 8]);
    let dir = folder(&[
        ("a.npy.gz", gzip(&array)),
        ("a.npz.gz", gzip(&zip(&[("x_train.npy", array)]))),
        ("a.parquet.gz", gzip(b"PAR1PAR1")),
    ]);
    for name in ["a.npy.gz", "a.npz.gz", "a.parquet.gz"] {
        let text = error(dir.path().join(name));
        assert!(text.contains("it is compressed with gzip; expected the decompressed"), "{text}");
    }
}

#[test]
fn a_table_that_begins_as_the_name_of_a_zip_is_a_table() {
    let dir = folder(&[("a.csv", b"PK,label,a,b,c\n9,1,2,3,4\n9,1,2,3,4\n".to_vec())]);
    assert_eq!(opened(dir.path().join("a.csv")).train.image(0), [9, 2, 3, 4]);
}
