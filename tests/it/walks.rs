//! `--interpolate`: interpolation in the latent space, as frames and as a grid.

use std::fs::File;
use std::io::BufReader;

use image::AnimationDecoder;
use image::codecs::gif::GifDecoder;

use crate::util::{Place, read_image, trained};

/// The frames in greyscale.
fn frames(place: &Place, name: &str) -> Vec<Vec<u8>> {
    let gif = GifDecoder::new(BufReader::new(File::open(place.path(name)).unwrap())).unwrap();
    let frames = gif.into_frames().collect_frames().unwrap();
    let grey = |frame: &image::Frame| frame.buffer().pixels().map(|pixel| pixel[0]).collect();
    frames.iter().map(grey).collect()
}

#[test]
fn an_interpolation_has_the_same_frames_as_gif_and_png() {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    for out in ["walk.gif", "walk.png"] {
        let args = format!("--checkpoint ckpt.mpk --interpolate 3 --count 4 --seed 6 --out {out}");
        place.sample(&args).ok();
    }
    let grid = read_image(&place.path("walk.png"));
    assert_eq!(grid.dimensions(), (4 * 28, 3 * 28), "one row per pair of points");
    let frames = frames(&place, "walk.gif");
    assert_eq!(frames.len(), 12);
    let cell = |index: u32| {
        let (left, top) = (index % 4 * 28, index / 4 * 28);
        image::imageops::crop_imm(&grid, left, top, 28, 28).to_image().into_raw()
    };
    for (index, frame) in (0..).zip(&frames) {
        assert_eq!(*frame, cell(index), "frame {index}");
    }

    // The interpolation passes through the first samples of the seed and returns to its start.
    place.sample("--checkpoint ckpt.mpk --count 3 --seed 6 --out points").ok();
    for point in 0..3 {
        let expected = read_image(&place.path(&format!("points/{point:06}.png"))).into_raw();
        assert_eq!(cell(point * 4), expected, "point {point}");
    }
    let close = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 1;
    assert!(cell(11).iter().zip(&cell(0)).all(close));
    assert_ne!(cell(1), cell(0));
}

#[test]
fn samples_are_written_as_an_animation_at_any_scale() {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    place.sample("--checkpoint ckpt.mpk --count 5 --scale 2 --out five.gif").ok();
    let frames = frames(&place, "five.gif");
    assert_eq!(frames.len(), 5);
    assert!(frames.iter().all(|frame| frame.len() == 56 * 56));
}
