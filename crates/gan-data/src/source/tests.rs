//! Every kind of source, good and bad, through [`open`].

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageFormat, RgbImage, RgbaImage};
use tempfile::TempDir;

use super::*;

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
        &classes,
        &[("mine.zip", zip(&classes.iter().map(|(n, f)| (*n, f.clone())).collect::<Vec<_>>()))],
    ] {
        let found = opened(folder(files).path());
        assert_eq!((found.train, found.test), (reference.train.clone(), reference.test.clone()));
    }
}

/// The name of a type of numbers, and a byte as such a number.
type Kind = (&'static str, fn(u8) -> Vec<u8>);

#[test]
fn arrays_of_every_layout_type_and_order_have_the_same_images() {
    // [2, 2, 4, 3] with all values different.
    let values: Vec<u8> = (0..48).map(|x| 5 * x).collect();
    let at = |n: usize, y: usize, x: usize, c: usize| values[((n * 2 + y) * 4 + x) * 3 + c];
    let expected = (ImageShape { channels: 3, height: 2, width: 4 }, values.clone());
    let mut stored = vec![("2, 2, 4, 3", false, values.clone())];
    let mut fortran = Vec::new();
    for (c, x) in (0..3).flat_map(|c| (0..4).map(move |x| (c, x))) {
        fortran
            .extend((0..2).flat_map(|y| (0..2).map(move |n| (n, y))).map(|(n, y)| at(n, y, x, c)));
    }
    stored.push(("2, 2, 4, 3", true, fortran));
    let mut first = Vec::new();
    for (n, c) in (0..2).flat_map(|n| (0..3).map(move |c| (n, c))) {
        first.extend((0..2).flat_map(|y| (0..4).map(move |x| (y, x))).map(|(y, x)| at(n, y, x, c)));
    }
    stored.push(("2, 3, 2, 4", false, first));
    let kinds: [Kind; 8] = [
        ("|u1", |x| vec![x]),
        ("<i8", |x| i64::from(x).to_le_bytes().to_vec()),
        (">u2", |x| u16::from(x).to_be_bytes().to_vec()),
        ("<f4", |x| f32::from(x).to_le_bytes().to_vec()),
        ("<f4", |x| (f32::from(x) / 255.0).to_le_bytes().to_vec()),
        ("<f4", |x| ((f32::from(x) - 127.5) / 127.5).to_le_bytes().to_vec()),
        (">f8", |x| (f64::from(x) / 255.0).to_be_bytes().to_vec()),
        ("<f8", |x| (f64::from(x) / 127.5 - 1.0).to_le_bytes().to_vec()),
    ];
    for (kind, bytes) in kinds {
        for (shape, fortran, values) in &stored {
            let body: Vec<u8> = values.iter().flat_map(|&x| bytes(x)).collect();
            let dir = folder(&[("mine.npy", npy(kind, *fortran, shape, &body))]);
            let (shape, pixels, _) = all(dir.path().join("mine.npy"), ImageOptions::default());
            assert_eq!((shape, pixels), expected, "{kind} {fortran}");
        }
    }
    // Flat images in Fortran's order: all first pixels, then all second ones.
    let fortran = npy("|u1", true, "2, 4", &[1, 5, 2, 6, 3, 7, 4, 8]);
    let (_, pixels, _) = all(folder(&[("mine.npy", fortran)]).path(), ImageOptions::default());
    assert_eq!(pixels, [1, 2, 3, 4, 5, 6, 7, 8]);
    let flat = folder(&[("mine.npy", npy("|b1", false, "2, 4", &[0, 1, 1, 0, 1, 1, 1, 1]))]);
    let (shape, pixels, _) = all(flat.path(), ImageOptions::default());
    assert_eq!((shape, &pixels[..4]), (ImageShape::grey(2, 2), &[0, 255, 255, 0][..]));
}

#[test]
fn arrays_that_are_no_images_are_refused() {
    let error = |file: Vec<u8>| error(folder(&[("mine.npy", file)]).path().join("mine.npy"));
    assert!(
        error(npy("|u1", false, "2, 3", &[0; 6]))
            .contains("its shape is [2, 3]; expected [n, height")
    );
    assert!(error(npy("|u1", false, "0, 2, 2", &[])).contains("its shape is [0, 2, 2]"));
    assert!(error(npy("|u1", false, "2, 5, 2, 2", &[0; 40])).contains("[2, 5, 2, 2]"));
    assert!(error(npy("<c8", false, "2, 2, 2", &[0; 64])).contains("of type '<c8'"));
    let most = u64::MAX;
    let huge = error(npy("|u1", false, &format!("{most}, 2, 2"), &[0; 9]));
    assert!(huge.contains("its shape is"), "{huge}");
    let large = error(npy("<f4", false, "9999999, 28, 28", &[0; 9]));
    assert!(large.contains("needs 31359996864 bytes"), "{large}");
    let floats =
        |x: f32| npy("<f4", false, "2, 1, 2", &[0.0, 0.5, x, 1.0].map(f32::to_le_bytes).concat());
    assert!(error(floats(f32::NAN)).contains("number 2 is NaN; expected finite numbers"));
    assert!(
        error(floats(300.0)).contains("its numbers are from 0 to 300; expected 0 to 1, -1 to 1")
    );
    assert!(error(floats(-2.0)).contains("its numbers are from -2 to 1"));
}

#[test]
fn a_header_of_unclosed_brackets_is_refused_at_once() {
    let error = |file: Vec<u8>| error(folder(&[("a.npy", file)]).path().join("a.npy"));
    let headed = |version: u8, length: &[u8], header: &str| {
        [&b"\x93NUMPY"[..], &[version, 0], length, header.as_bytes()].concat()
    };
    for brackets in [&"[".repeat(60), &"([{".repeat(20_000), &"[']',".repeat(60)] {
        let length = u16::try_from(brackets.len()).unwrap().to_le_bytes();
        assert!(error(headed(1, &length, brackets)).contains("its header has no"));
    }
    for version in [2, 3, 255] {
        assert!(error(headed(version, &[255; 4], "{}")).contains("a header of 4294967295 bytes"));
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
        ("f.csv.gz", gzip(b"1,2,3,4\n5,6,7,8\n")),
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
fn every_cut_and_flip_of_an_image_is_an_error_that_names_it_or_an_image() {
    let colours = RgbImage::from_fn(6, 5, |x, y| image::Rgb([40 * x as u8, 50 * y as u8, 7]));
    for (format, ending) in [
        (ImageFormat::Png, "png"),
        (ImageFormat::Jpeg, "jpg"),
        (ImageFormat::Bmp, "bmp"),
        (ImageFormat::Gif, "gif"),
        (ImageFormat::WebP, "webp"),
    ] {
        let file = encoded(colours.clone(), format);
        let name = format!("b.{ending}");
        let dir =
            folder(&[("a.png", encoded(colours.clone(), ImageFormat::Png)), (&name, file.clone())]);
        assert_eq!(opened(dir.path()).train.shape().to_string(), "6x5x3");
        for change in 0..file.len() {
            for (what, bytes) in [
                ("cut", file[..change].to_vec()),
                ("flipped", {
                    let mut flipped = file.clone();
                    flipped[change] ^= 1 << (change % 8);
                    flipped
                }),
            ] {
                fs::write(dir.path().join(&name), bytes).unwrap();
                if let Err(error) = open(&source(dir.path()), &|_| ()) {
                    let error = error.to_string();
                    assert!(
                        error.contains(&name) || error.contains("sizes"),
                        "{what} {change}: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn tables_are_read_with_a_header_or_without_and_their_faults_are_named() {
    let read = |text: &str| {
        let dir = folder(&[("mine.csv", text.into())]);
        let path = dir.path().join("mine.csv");
        open(&source(path), &|_| ()).map(|opened| {
            let all = [opened.train.images(), opened.test.images()].concat();
            (opened.train.shape().to_string(), all.len(), opened.train.class_names().to_vec())
        })
    };
    let found = read("label,pixel0,pixel1,pixel2,pixel3\n5,0,255,7,8\n6,1,2,3,4\n").unwrap();
    assert_eq!(found, ("2x2".into(), 8, vec!["5".into(), "6".into()]));
    assert_eq!(read("5,0,255,7,8\n5,1,2,3,4\n").unwrap().2, ["5"]);
    assert_eq!(read("0,255,7,8\r\n1,2,3,4").unwrap().2, [""; 0]);
    let last = read("\"1x1\",\"1x2\",\"1x3\",\"1x4\",\"class\"\n0,1.0,2,3,9\n0,1,2,3,8\n").unwrap();
    assert_eq!(last.2, ["8", "9"]);
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert!(error("1,2,3,4\n1,2,3\n").contains("line 2 has 3 columns; expected 4"));
    assert!(
        error("1,2,3,4\n1,2,3,256\n")
            .contains("line 2, column 4 is \"256\"; expected a whole number, 0 to 255")
    );
    assert!(error("1,2,3,4\n1,2,3,0.5\n").contains("column 4 is \"0.5\""));
    assert!(error("1,2,3\n").contains("it has 3 columns; expected a square"));
    assert!(error("").contains("it has no rows"));
    assert!(error("a,b,c,d\n").contains("it has no rows"));
    let training = folder(&[
        ("train.csv", "label,a,b,c,d\n0,1,2,3,4\n1,1,2,3,4\n".into()),
        ("test.csv", "a,b,c,d\n1,2,3,4\n".into()),
    ]);
    let found = opened(training.path());
    assert_eq!((found.test.len(), found.test.labels(), found.held_out), (1, None, None));
}

#[test]
fn emnist_is_turned_and_qmnist_has_labels_of_several_columns() {
    let labels: Vec<u8> = [4_u32, 9, 5, 8].iter().flat_map(|x| x.to_be_bytes()).collect();
    let dir = folder(&[
        (
            "emnist-letters-train-images-idx3-ubyte",
            idx(8, &[2, 2, 3], &[1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]),
        ),
        (
            "emnist-letters-test-images-idx3-ubyte.gz",
            gzip(&idx(8, &[1, 2, 3], &[1, 2, 3, 4, 5, 6])),
        ),
        ("qmnist-train-images-idx3-ubyte", idx(8, &[2, 2, 3], &[0; 12])),
        ("qmnist-train-labels-idx2-int", idx(12, &[2, 2], &labels)),
    ]);
    assert!(error(dir.path()).contains("several training sets, such as"));
    let letters = opened(dir.path().join("emnist-letters-train-images-idx3-ubyte"));
    assert_eq!(letters.train.shape(), ImageShape::grey(3, 2));
    assert_eq!(letters.train.image(0), [1, 4, 2, 5, 3, 6]);
    assert_eq!(letters.test.image(0), [1, 4, 2, 5, 3, 6]);
    assert!(letters.found.iter().any(|(_, text)| text.contains("turned")));
    let digits = opened(dir.path().join("qmnist-train-images-idx3-ubyte"));
    assert_eq!(digits.train.class_names(), ["4", "5"]);
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
fn folders_are_classes_in_natural_order_and_mixed_ones_are_refused() {
    let dir = folder(&[
        ("10/b.png", grey(4)),
        ("2/10.png", grey(3)),
        ("2/9.PNG", grey(2)),
        ("1/deeper/x.png", grey(1)),
        ("1/.hidden.png", grey(9)),
        ("__MACOSX/1.png", grey(9)),
        ("1/notes.txt", Vec::new()),
    ]);
    let (shape, pixels, _) = all(dir.path(), ImageOptions::default());
    assert_eq!(
        (shape, pixels.iter().step_by(6).copied().collect::<Vec<_>>()),
        (ImageShape::grey(2, 3), vec![1, 2, 3, 4])
    );
    let found = opened(dir.path());
    assert_eq!(found.train.class_names(), ["1", "2", "10"]);

    fs::write(dir.path().join("beside.png"), grey(5)).unwrap();
    assert!(
        error(dir.path())
            .contains("it has images in subfolders and beside them, such as beside.png")
    );
    let empty = folder(&[
        ("cats/0.png", grey(1)),
        ("dogs/0.png", grey(1)),
        ("birds/notes.txt", Vec::new()),
    ]);
    let found = opened(empty.path());
    assert_eq!(found.train.class_names(), ["cats", "dogs"]);
    assert!(found.found.iter().any(|(_, text)| text == "no images in the folder birds"));
    let nothing = folder(&[("notes.txt", Vec::new())]);
    assert!(error(nothing.path()).contains("the folder has no images; expected IDX files"));
    // Tables beside images only describe them.
    let described =
        folder(&[("0.png", grey(1)), ("1.png", grey(1)), ("labels.csv", "a,b\n".into())]);
    assert_eq!(opened(described.path()).held_out, Some(1));
    let case = folder(&[
        ("Cat/0.png", grey(1)),
        ("cat/0.png", grey(2)),
        ("cat/A.png", grey(3)),
        ("cat/a.PNG", grey(4)),
    ]);
    let found = opened(case.path());
    assert_eq!(found.train.len() + found.test.len(), 4);
    assert!(
        found.found.iter().any(|(_, text)| text.contains("differ only in upper and lower case"))
    );
}

#[cfg(unix)]
#[test]
fn links_in_circles_pipes_and_odd_names_do_no_harm() {
    use std::os::unix::fs::symlink;
    let dir = folder(&[("a/0.png", grey(1)), ("b\nc/1.png", grey(2)), ("d/2.png", grey(3))]);
    symlink(dir.path(), dir.path().join("a/up")).unwrap();
    symlink(dir.path().join("a"), dir.path().join("a/own")).unwrap();
    symlink(dir.path().join("d/2.png"), dir.path().join("d/3.png")).unwrap();
    let found = opened(dir.path());
    assert_eq!(found.train.len() + found.test.len(), 4);
    assert_eq!(found.train.class_names(), ["a", "b\\nc", "d"]);

    symlink("nowhere", dir.path().join("d/4.png")).unwrap();
    assert!(error(dir.path()).contains("4.png"));
    fs::remove_file(dir.path().join("d/4.png")).unwrap();
    let pipe = dir.path().join("b\nc/5.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = error(dir.path());
    assert!(error.contains("b\\nc/5.png: it is neither a file nor a folder"), "{error}");
}

#[test]
fn a_broken_image_is_named_or_left_out() {
    let dir = folder(&[
        ("a/0.png", grey(1)),
        ("a/1.png", b"no image".to_vec()),
        ("b/2.png", grey(2)),
        ("b/3.png", grey(3)[..40].to_vec()),
    ]);
    let error = error(dir.path());
    assert!(error.contains("1.png: it is no image that can be read"), "{error}");
    assert!(error.ends_with("or leave such out with --skip-broken"), "{error}");
    let options = ImageOptions { skip_broken: true, ..ImageOptions::default() };
    let found = open(&Source { path: dir.path().into(), options }, &|_| ()).unwrap();
    assert_eq!(found.train.len() + found.test.len(), 2);
    assert_eq!([found.train.labels(), found.test.labels()].concat_len(), 2);
    assert!(found.found.iter().any(|(_, text)| text.starts_with("2 images that cannot be read")));
    let none = folder(&[("1.png", b"no image".to_vec())]);
    let error = open(&Source { path: none.path().into(), options }, &|_| ()).unwrap_err();
    assert!(error.to_string().contains("none of its 1 images can be read"));
}

trait ConcatLen {
    fn concat_len(&self) -> usize;
}

impl ConcatLen for [Option<&[u16]>; 2] {
    fn concat_len(&self) -> usize {
        self.iter().flatten().map(|labels| labels.len()).sum()
    }
}

#[test]
fn different_sizes_are_listed_with_the_command_that_helps() {
    let image = |width, height| encoded(GrayImage::new(width, height), ImageFormat::Png);
    let dir =
        folder(&[("a.png", image(20, 30)), ("b.png", image(20, 30)), ("c.png", image(40, 40))]);
    let text = error(dir.path());
    assert!(text.contains("20x30 (2 images, such as"), "{text}");
    assert!(text.contains("40x40 (1 image, such as"), "{text}");
    assert!(text.contains("such as --size 20, with --fit crop, pad or stretch"), "{text}");
    let large = folder(&[("a.png", image(100, 80)), ("b.png", image(100, 80))]);
    assert!(error(large.path()).contains("100x80 (2 images"));
    let array = folder(&[("a.npy", npy("|u1", false, "2, 65, 65", &[0; 2 * 65 * 65]))]);
    assert!(
        error(array.path())
            .contains("its images are of 65x65; expected at most 64x64; add --size 64")
    );
}

#[test]
fn colours_alpha_and_bit_depths_become_one_shape() {
    let save = |image: DynamicImage| encoded(image, ImageFormat::Png);
    let one = |image: DynamicImage, options: ImageOptions| {
        let dir = folder(&[("a.png", save(image))]);
        let (shape, pixels, notes) = all(dir.path(), options);
        (shape.channels, pixels, notes)
    };
    let plain = ImageOptions::default();
    let rgb = |r, g, b| DynamicImage::from(RgbImage::from_pixel(1, 1, image::Rgb([r, g, b])));
    assert_eq!(one(rgb(9, 9, 9), plain).1, [9], "grey in content is grey");
    assert_eq!(one(rgb(9, 8, 7), plain).1, [9, 8, 7]);
    let to_grey = ImageOptions { channels: Some(1), ..plain };
    assert_eq!(one(rgb(255, 0, 0), to_grey).1, [54]);
    let to_colour = ImageOptions { channels: Some(3), ..plain };
    assert_eq!(one(rgb(9, 9, 9), to_colour).1, [9, 9, 9]);
    let invert = ImageOptions { invert: true, ..plain };
    assert_eq!(one(rgb(255, 9, 0), invert).1, [0, 246, 255]);
    let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_pixel(1, 1, image::Luma([0xffff]));
    assert_eq!(one(deep.into(), plain).1, [255]);
    let dark =
        |alpha| DynamicImage::from(GrayAlphaImage::from_pixel(1, 1, image::LumaA([10, alpha])));
    let (_, pixels, notes) = one(dark(128), plain);
    assert_eq!((pixels, &notes[0][..16]), (vec![132], "background white"));
    let light = RgbaImage::from_pixel(1, 1, image::Rgba([250, 240, 230, 0]));
    let mut half = light.clone();
    half.put_pixel(0, 0, image::Rgba([250, 240, 230, 51]));
    let (_, pixels, notes) = one(half.into(), plain);
    assert_eq!((pixels, &notes[0][..16]), (vec![50, 48, 46], "background black"));
    let red = ImageOptions { background: Some([255, 0, 0]), ..plain };
    assert_eq!(one(light.into(), red).1, [255, 0, 0]);
    // A colour after grey images, and a grey one after it.
    let mixed = folder(&[
        ("a.png", save(rgb(1, 1, 1))),
        ("b.png", save(rgb(2, 3, 4))),
        ("c.png", save(rgb(5, 5, 5))),
    ]);
    assert_eq!(all(mixed.path(), plain).1, [1, 1, 1, 2, 3, 4, 5, 5, 5]);
}

#[test]
fn images_are_turned_as_their_exif_orientation_says() {
    // A JPEG whose left half is black, to be turned by 90° clockwise: then its top is black.
    let image = GrayImage::from_fn(16, 8, |x, _| image::Luma([if x < 8 { 0 } else { 255 }]));
    let jpeg = encoded(image, ImageFormat::Jpeg);
    let exif =
        b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
    let dir = folder(&[("a.jpg", turned)]);
    let (shape, pixels, _) = all(dir.path(), ImageOptions::default());
    assert_eq!(shape, ImageShape::grey(16, 8));
    assert!(pixels[..8].iter().all(|&x| x < 20) && pixels[120..].iter().all(|&x| x > 235));
}

#[test]
fn sizes_are_cropped_padded_or_stretched() {
    // A white square in the middle of a black image of 4:2.
    let image = GrayImage::from_fn(64, 32, |x, _| {
        image::Luma([if (16..48).contains(&x) { 255 } else { 0 }])
    });
    let dir = folder(&[("a.png", encoded(image, ImageFormat::Png))]);
    let of = |fit| {
        let options = ImageOptions { size: Some([8, 8]), fit, ..ImageOptions::default() };
        let (shape, pixels, _) = all(dir.path(), options);
        assert_eq!(shape, ImageShape::grey(8, 8));
        pixels
    };
    // At its sides, the filter reaches over the part that is kept.
    let cropped = of(Fit::Crop);
    assert!(cropped.chunks(8).all(|row| row[1..7].iter().all(|&x| x > 225) && row[0] > 128));
    let padded = of(Fit::Pad);
    assert!(padded[..16].iter().all(|&x| x == 0), "the edges are black, so the background is");
    assert!(padded[8 * 4 + 3] > 240 && padded[8 * 4] < 20);
    let stretched = of(Fit::Stretch);
    assert!(stretched[3] > 240 && stretched[0] < 20);
    // An array is brought to a size as a folder is.
    let pixels: Vec<u8> = (0..100).collect();
    let array = folder(&[("a.npy", npy("|u1", false, "1, 10, 10", &pixels))]);
    let png = GrayImage::from_raw(10, 10, pixels).unwrap();
    let folder = folder(&[("a.png", encoded(png, ImageFormat::Png))]);
    let options = ImageOptions { size: Some([7, 5]), channels: Some(3), ..ImageOptions::default() };
    assert_eq!(all(array.path(), options), all(folder.path(), options));
}

#[test]
fn archives_are_read_in_memory_and_odd_ones_are_refused() {
    let json = br#"{"labels": [["x/1.png", 4], ["x/0.png", 2]]}"#.to_vec();
    let dir = folder(&[
        (
            "labelled.zip",
            zip(&[("x/0.png", grey(1)), ("x/1.png", grey(2)), ("dataset.json", json)]),
        ),
        (
            "null.zip",
            zip(&[
                ("0.png", grey(1)),
                ("1.png", grey(2)),
                ("dataset.json", b"{\"labels\": null}".to_vec()),
            ]),
        ),
        ("less.zip", zip(&[("0.png", grey(1)), ("dataset.json", b"{\"labels\": []}".to_vec())])),
        ("wrong.zip", zip(&[("0.png", grey(1)), ("dataset.json", b"{\"labels\": 3}".to_vec())])),
        ("climbs.zip", zip(&[("../0.png", grey(1))])),
        ("empty.zip", zip(&[])),
        (
            "bomb.zip",
            zip(&[("0.png", vec![0; (decode::MAX_FILE + 1) as usize]), ("1.png", grey(1))]),
        ),
        ("other.zip", zip(&[("a.npy", npy("|u1", false, "3,", &[1, 2, 3]))])),
    ]);
    let at = |name: &str| dir.path().join(name);
    let found = opened(at("labelled.zip"));
    assert_eq!(found.train.class_names(), ["2", "4"]);
    assert_eq!(opened(at("null.zip")).train.labels(), None);
    assert!(error(at("less.zip")).contains("dataset.json has no label for 0.png"));
    assert!(error(at("wrong.zip")).contains("its dataset.json cannot be read"));
    assert!(error(at("climbs.zip")).contains("../0.png in it leads out of the archive"));
    assert!(error(at("empty.zip")).contains("empty.zip"));
    assert!(error(at("bomb.zip")).contains("0.png: it is too long; expected at most"));
    assert!(error(at("other.zip")).contains("none of its arrays has images (a.npy)"));
    assert!(error(dir.path()).contains("one file; give it instead of the folder"));
    // Bytes after which an entry repeats: the central directory names one file twice.
    let mut overlap = zip(&[("0.png", grey(1)), ("1.png", grey(2))]);
    let second = overlap.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    overlap[second + 42..second + 46].copy_from_slice(&[0; 4]);
    fs::write(at("overlap.zip"), overlap).unwrap();
    assert!(error(at("overlap.zip")).contains("overlap.zip"));
}

#[test]
fn what_is_no_source_is_named() {
    let dir =
        folder(&[("a.png", grey(1)), ("page.html", b"<html>".to_vec()), ("x.bin", vec![1, 2])]);
    assert!(error(dir.path().join("a.png")).contains("it is a single image; expected a folder"));
    assert!(error(dir.path().join("page.html")).contains("it is a web page; expected IDX"));
    assert!(error(dir.path().join("x.bin")).contains("it is no images"));
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

/// A table that `PyArrow` wrote, of two images with labels.
const TABLE: &[u8] = include_bytes!("../../../../fuzz/corpus/parquet/mnist");

#[test]
fn a_table_of_encoded_images_is_read_with_the_feature_and_named_without() {
    let dir = folder(&[
        ("mnist/train-00000-of-00001.parquet", TABLE[1..].to_vec()),
        ("mnist/test-00000-of-00001.parquet", TABLE[1..].to_vec()),
    ]);
    for path in [dir.path().to_owned(), dir.path().join("mnist/train-00000-of-00001.parquet")] {
        let opened = open(&source(path), &|_| ());
        if cfg!(feature = "parquet") {
            let Opened { train, test, held_out, .. } = opened.unwrap();
            assert_eq!(train.class_names(), ["3", "7"]);
            let all = if held_out.is_some() { 1 } else { 2 };
            assert_eq!((train.len(), test.len()), (all, all));
            assert_eq!(train.image(0), if all == 1 { [200; 6] } else { [9; 6] });
        } else {
            let error = opened.unwrap_err().to_string();
            assert!(
                error.contains("it is a Parquet file; expected a program built with"),
                "{error}"
            );
        }
    }
    // The crate panics on this one.
    let damaged = include_bytes!("../../../../fuzz/corpus/parquet/panic");
    let path = dir.path().join("damaged.parquet");
    fs::write(&path, &damaged[1..]).unwrap();
    assert!(error(&path).contains("damaged.parquet"));
    for cut in (0..TABLE.len() - 1).step_by(7) {
        fs::write(dir.path().join("mnist/test-00000-of-00001.parquet"), &TABLE[1..=cut]).unwrap();
        assert!(error(dir.path()).contains(".parquet"));
    }
}
