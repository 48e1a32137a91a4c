//! What the options make of images.

use super::*;

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
fn of_many_images_some_are_looked_at_for_their_sizes() {
    let names: Vec<_> = (0..600).map(|index| format!("{index}.png")).collect();
    let mut files: Vec<_> = names.iter().map(|name| (&name[..], grey(1))).collect();
    files[599].1 = encoded(GrayImage::new(2, 3), ImageFormat::Png);
    let text = error(folder(&[("a.zip", zip(&files))]).path());
    assert!(text.contains("3x2 (200 images") && text.contains("2x3 (1 image"), "{text}");
    assert!(text.contains("(201 of its 600 images were looked at)"), "{text}");
}

#[test]
fn impossible_options_are_refused() {
    let dir = folder(&[("a.npy", npy("|u1", false, "2, 2, 2", &[9; 8]))]);
    let images = opened(dir.path()).train;
    let plain = ImageOptions::default();
    for (options, found) in [
        (ImageOptions { size: Some([0, 0]), fit: Fit::Pad, ..plain }, "the options ask for 0x0"),
        (ImageOptions { size: Some([9, 60_000]), ..plain }, "the options ask for 9x60000"),
        (ImageOptions { channels: Some(2), ..plain }, "the options ask for 2 channels"),
    ] {
        let source = Source { path: dir.path().into(), options };
        let shape = ImageShape::grey(2, 2);
        for error in [
            open(&source, &|_| ()).unwrap_err(),
            read_samples(&source, shape, &|_| ()).unwrap_err(),
            reshaped(images.clone(), &options).unwrap_err(),
        ] {
            assert!(error.to_string().contains(&format!("{found}; expected 1 ")), "{error}");
        }
    }
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
fn arrays_without_colours_are_grey() {
    let grey: Vec<u8> = (0..24).flat_map(|value| [10 * value; 3]).collect();
    let mut coloured = grey.clone();
    coloured[71] = 0;
    let stored = |values: &[u8]| {
        let last = npy("|u1", false, "2, 3, 4, 3", values);
        [("a.npy", last), ("a.idx", self::idx(8, &[2, 3, 4, 3], values))]
    };
    let plain = ImageOptions::default();
    for (values, channels) in [(&grey, 1), (&coloured, 3)] {
        let expected: Vec<u8> = values.iter().step_by(3 / channels).copied().collect();
        for (name, file) in stored(values) {
            let dir = folder(&[(name, file)]);
            let path = dir.path().join(name);
            let (shape, pixels, _) = all(&path, plain);
            assert_eq!((shape.channels, &pixels), (channels, &expected), "{name}");
            let colour = ImageOptions { channels: Some(3), ..plain };
            assert_eq!(all(&path, colour).1, *values);
            let shape = ImageShape { channels: 3, height: 3, width: 4 };
            assert_eq!(read_samples(&source(&path), shape, &|_| ()).unwrap().0, *values);
        }
    }
    // As images in files, with any options.
    let image = |index: usize| {
        let values = coloured[36 * index..][..36].to_vec();
        encoded(RgbImage::from_raw(4, 3, values).unwrap(), ImageFormat::Png)
    };
    let array = folder(&stored(&coloured)[..1]);
    let files = folder(&[("0.png", image(0)), ("1.png", image(1))]);
    let size = Some([7, 7]);
    for options in [
        ImageOptions { size, ..plain },
        ImageOptions { size, fit: Fit::Pad, ..plain },
        ImageOptions { size, fit: Fit::Pad, background: Some([9, 8, 7]), invert: true, ..plain },
    ] {
        assert_eq!(all(array.path(), options), all(files.path(), options), "{options:?}");
    }
    // Grey images beside which there is colour.
    let grey = folder(&[("a.npy", npy("|u1", false, "1, 2, 4", &[7; 8]))]);
    let red = Some([255, 0, 0]);
    let options = ImageOptions { size: Some([4, 4]), fit: Fit::Pad, background: red, ..plain };
    let (shape, pixels, _) = all(grey.path(), options);
    assert_eq!((shape.channels, &pixels[..3], pixels.len()), (3, &[255, 0, 0][..], 48));
}

#[test]
fn the_training_images_decide_the_background_of_the_test_images() {
    let archive = zip(&[
        ("x_train.npy", npy("|u1", false, "1, 2, 4", &[255; 8])),
        ("x_test.npy", npy("|u1", false, "1, 2, 4", &[0; 8])),
    ]);
    let dir = folder(&[("a.npz", archive)]);
    let options = ImageOptions { size: Some([4, 4]), fit: Fit::Pad, ..ImageOptions::default() };
    let (_, pixels, notes) = all(dir.path(), options);
    assert_eq!(pixels[16..20], [255; 4], "beside the test image");
    assert_eq!(notes, ["background white (as at the edges)"]);
    let options = ImageOptions { fit: Fit::Crop, ..options };
    assert!(all(dir.path(), options).2.is_empty());
}
