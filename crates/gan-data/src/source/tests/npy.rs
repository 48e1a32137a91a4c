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
