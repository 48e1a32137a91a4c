//! NumPy's arrays, and the archives of them.

use super::*;

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

/// An array of `count` images of 2×2 pixels, all of this value.
fn constant(count: usize, value: u8) -> Vec<u8> {
    npy("|u1", false, &format!("{count}, 2, 2"), &vec![value; 4 * count])
}

/// As many labels, all of this value.
fn labels(count: usize, value: u8) -> Vec<u8> {
    npy("|u1", false, &format!("{count},"), &vec![value; count])
}

#[test]
fn arrays_are_found_by_names_in_upper_and_lower_case_and_with_their_own_labels() {
    // The value of the training images, their class, the value of test images, and theirs.
    let found = |files: &[(&str, Vec<u8>)]| {
        let dir = folder(&[("mine.npz", zip(files))]);
        let split = read(&source(dir.path()), None, &|_| ()).unwrap();
        let values = |part: Part| (part.pixels[0], part.labels.map(|labels| labels[0]));
        (values(split.train), split.test.map(values))
    };
    let [train, test] = [constant(3, 1), constant(2, 2)];
    let [train_labels, test_labels] = [labels(3, 10), labels(2, 20)];
    for [x, y, x_test, y_test] in [
        ["X_train.npy", "y_train.npy", "X_test.npy", "y_test.npy"],
        ["train_x.npy", "train_y.npy", "test_x.npy", "test_y.npy"],
        ["image.npy", "label.npy", "test_images.npy", "test_labels.npy"],
        ["data.npy", "target.npy", "x_test.npy", "y_test.npy"],
        ["images.npy", "target.npy", "x_test.npy", "y_test.npy"],
        ["photos.npy", "y_train.npy", "x_test.npy", "y_test.npy"],
    ] {
        let files = [
            (x_test, test.clone()),
            (y_test, test_labels.clone()),
            (x, train.clone()),
            (y, train_labels.clone()),
        ];
        assert_eq!(found(&files), ((1, Some(10)), Some((2, Some(20)))), "{x}");
    }
    for [x_test, y_test] in [["x_test.npy", "y_test.npy"], ["Test_Images.npy", "test_labels.npy"]] {
        let files = [(y_test, test_labels.clone()), (x_test, test.clone())];
        assert_eq!(found(&files), ((2, Some(20)), None));
        let files = [("y_train.npy", train_labels.clone()), (x_test, test.clone())];
        assert_eq!(found(&files), ((2, None), None), "labels of other images");
    }
    // Without known names.
    let column = npy("|u1", false, "3, 1", &[0; 3]);
    let square = npy("|u1", false, "3, 4", &[0; 12]);
    let files = [
        ("my-test.npy", test),
        ("flags.npy", column),
        ("class-labels.npy", square),
        ("latest.npy", train),
    ];
    assert_eq!(found(&files), ((1, None), None));
}

#[test]
fn arrays_of_different_types_have_ranges_of_their_own() {
    let floats =
        |values: [f32; 4]| npy("<f4", false, "1, 2, 2", &values.map(f32::to_le_bytes).concat());
    let pixels = |train: &Vec<u8>, test: Vec<u8>| {
        let archive = zip(&[("x_train.npy", train.clone()), ("x_test.npy", test)]);
        all(folder(&[("mine.npz", archive)]).path(), ImageOptions::default()).1[4..].to_vec()
    };
    let bytes = npy("|u1", false, "1, 2, 2", &[0, 255, 9, 9]);
    assert_eq!(pixels(&bytes, floats([0.0, 1.0, 0.2, 0.0])), [0, 255, 51, 0]);
    let signed = floats([-1.0, 1.0, 0.0, 0.0]);
    assert_eq!(pixels(&signed, bytes), [0, 255, 9, 9]);
    // Two arrays of floats have one range.
    assert_eq!(pixels(&signed, floats([0.0, 1.0, 0.0, 0.0])), [128, 255, 128, 128]);
    assert_eq!(pixels(&floats([0.0, 255.0, 0.0, 0.0]), floats([0.0, 1.0, 1.0, 0.0])), [0, 1, 1, 0]);
}

#[test]
fn half_precision_is_read() {
    // 0, 1, 0.2 and the smallest number.
    let bits: [u16; 4] = [0, 0x3c00, 0x3266, 1];
    for (kind, body) in
        [("<f2", bits.map(u16::to_le_bytes).concat()), (">f2", bits.map(u16::to_be_bytes).concat())]
    {
        let dir = folder(&[("mine.npy", npy(kind, false, "1, 2, 2", &body))]);
        assert_eq!(all(dir.path(), ImageOptions::default()).1, [0, 255, 51, 0]);
    }
    let infinite = npy("<f2", false, "1, 1, 2", &[0, 0, 0, 0x7c]);
    assert!(error(folder(&[("a.npy", infinite)]).path()).contains("number 1 is inf"));
}

#[test]
fn errors_about_arrays_say_what_is_expected() {
    let whole = npy("|i1", false, "2, 2, 2", &[255, 1, 1, 255, 1, 1, 1, 1]);
    let text = error(folder(&[("a.npy", whole)]).path());
    assert!(
        text.contains("its numbers are from -1 to 1; expected whole numbers from 0 to 255"),
        "{text}"
    );
    for labels in
        [npy("<U3", false, "3,", &[0; 36]), npy("|u1", false, "3, 10", &[0; 30]), labels(2, 0)]
    {
        let archive = zip(&[("x_train.npy", constant(3, 1)), ("y_train.npy", labels)]);
        let text = error(folder(&[("a.npz", archive)]).path());
        let expected = "; expected labels: a whole number for each image, [3]";
        assert!(text.contains("y_train.npy: its") && text.ends_with(expected), "{text}");
    }
}

#[test]
fn one_image_is_not_read_as_many() {
    for (axes, values) in [("32, 32, 3", 32 * 32 * 3), ("28, 28, 500", 28 * 28 * 500)] {
        let dir = folder(&[("mine.npy", npy("|u1", false, axes, &vec![7; values]))]);
        let text = error(dir.path());
        assert!(text.contains(&format!("its shape is [{axes}]; expected [n, height")), "{text}");
        assert!(text.ends_with("the axis of images comes first"), "{text}");
    }
    for axes in ["8, 8, 8", "4, 4, 4", "28, 28, 28", "5, 3, 24", "5, 40, 5, 3"] {
        let values = axes.split(", ").map(|axis| axis.parse::<usize>().unwrap()).product();
        opened(folder(&[("mine.npy", npy("|u1", false, axes, &vec![7; values]))]).path());
    }
    let dir = folder(&[("mine.npy", npy("|u1", false, "2, 2, 20", &[7; 80]))]);
    let narrow = read_samples(&source(dir.path()), ImageShape::grey(2, 20), &|_| ());
    assert_eq!(narrow.unwrap().0, [7; 80], "the data set has such images");
}
