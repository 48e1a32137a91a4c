//! `gan-sample`: samples of a checkpoint in every file format.

use std::fs;
use std::process::Command;

use image::GrayImage;

use crate::util::{CPU, GAN_SAMPLE, Place, read_image, trained};

fn place() -> Place {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    place
}

/// The pixels of each sample of an `.npy` file.
fn arrays(place: &Place, name: &str) -> Vec<Vec<u8>> {
    let bytes = place.read(name);
    let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(npy.shape()[1..], [28, 28]);
    let count = npy.shape()[0] as usize;
    let pixels = npy.into_vec::<u8>().unwrap();
    assert_eq!(pixels.len(), count * 784);
    pixels.chunks_exact(784).map(<[u8]>::to_vec).collect()
}

/// Sample `index` of a grid.
fn cell(grid: &GrayImage, columns: u32, index: u32) -> Vec<u8> {
    let (left, top) = (index % columns * 28, index / columns * 28);
    image::imageops::crop_imm(grid, left, top, 28, 28).to_image().into_raw()
}

#[test]
fn ten_samples_are_280_by_28_and_the_path_is_on_stdout() {
    let place = place();
    let ran = place.sample("--checkpoint ckpt.mpk --out row.png").ok();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("row.png\n", ""));
    assert_eq!(read_image(&place.path("row.png")).dimensions(), (280, 28));
    let ran = place.sample("--checkpoint ckpt.mpk --out row.png --json").ok();
    let object = ran.object();
    assert_eq!(object["out"], "row.png");
    assert_eq!(object["pictures"], 10);
    assert_eq!(object["epochs"], 40);
}

#[test]
fn the_same_seed_produces_the_same_files() {
    let place = place();
    for (seed, name) in [(4, "a"), (4, "b"), (5, "c")] {
        for ending in [".png", ".npy", ".gif"] {
            place.sample(&format!("--checkpoint ckpt.mpk --seed {seed} --out {name}{ending}")).ok();
        }
    }
    for ending in [".png", ".npy", ".gif"] {
        let read = |name| place.read(&format!("{name}{ending}"));
        assert_eq!(read("a"), read("b"), "{ending}");
        assert_ne!(read("a"), read("c"), "{ending}");
    }
}

#[test]
fn a_sample_depends_only_on_its_seed_and_number() {
    let place = place();
    place.sample("--checkpoint ckpt.mpk --count 70 --out all.npy").ok();
    let all = arrays(&place, "all.npy");
    assert_eq!(all.len(), 70);

    place.sample("--checkpoint ckpt.mpk --count 10 --out few.npy").ok();
    assert_eq!(arrays(&place, "few.npy"), all[..10]);
    place.sample("--checkpoint ckpt.mpk --count 70 --out each").ok();
    assert_eq!(place.list("each").len(), 70);
    for (index, expected) in all.iter().enumerate() {
        let one = read_image(&place.path(&format!("each/{index:06}.png")));
        assert_eq!(one.as_raw(), expected, "sample {index}");
    }
    for columns in [1, 3, 7, 70, 1000] {
        let out = format!("--checkpoint ckpt.mpk --count 70 --columns {columns} --out grid.png");
        place.sample(&out).ok();
        let grid = read_image(&place.path("grid.png"));
        let columns = columns.min(70);
        assert_eq!(grid.dimensions(), (columns * 28, 70_u32.div_ceil(columns) * 28));
        for (index, expected) in (0..).zip(&all) {
            assert_eq!(&cell(&grid, columns, index), expected, "{columns} columns, {index}");
        }
    }
}

#[test]
fn an_npy_file_has_uint8_values_of_shape_n_28_28() {
    let place = place();
    place.sample("--checkpoint ckpt.mpk --count 3 --columns 2 --scale 2 --out few.npy").ok();
    let bytes = place.read("few.npy");
    let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(npy.shape(), [3, 28, 28]);
    assert_eq!(npy.order(), npyz::Order::C);
    assert_eq!(npy.dtype().descr(), "'|u1'");
}

#[test]
fn raw_and_averaged_weights_generate_different_samples() {
    let place = place();
    place.sample("--checkpoint ckpt.mpk --out averaged.npy").ok();
    place.sample("--checkpoint ckpt.mpk --raw --out raw.npy").ok();
    assert_ne!(arrays(&place, "averaged.npy"), arrays(&place, "raw.npy"));
}

#[test]
fn scale_enlarges_every_pixel_to_a_square() {
    let place = place();
    place.sample("--checkpoint ckpt.mpk --count 2 --out small.png").ok();
    place.sample("--checkpoint ckpt.mpk --count 2 --scale 3 --out large.png").ok();
    let (small, large) =
        (read_image(&place.path("small.png")), read_image(&place.path("large.png")));
    assert_eq!((small.dimensions(), large.dimensions()), ((56, 28), (168, 84)));
    for (x, y, pixel) in large.enumerate_pixels() {
        assert_eq!(pixel, small.get_pixel(x / 3, y / 3));
    }
}

#[test]
fn a_run_directory_stands_for_its_checkpoint() {
    let place = place();
    place.write("run/ckpt.mpk", trained());
    place.sample("--checkpoint run --out a.npy").ok();
    place.sample("--checkpoint ckpt.mpk --out b.npy").ok();
    assert_eq!(place.read("a.npy"), place.read("b.npy"));
    assert_eq!(place.list("run"), ["ckpt.mpk"]);
}

#[test]
fn default_names_never_overwrite() {
    let place = place();
    place.write("digits-0001.png", "precious");
    for expected in ["digits-0002.png\n", "digits-0003.png\n"] {
        assert_eq!(place.sample("--checkpoint ckpt.mpk").ok().stdout, expected);
    }
    assert_eq!(place.read("digits-0001.png"), b"precious");
    let walk = place.sample("--checkpoint ckpt.mpk --interpolate 2 --count 2").ok();
    assert_eq!(walk.stdout, "walk-0001.gif\n");
}

#[test]
fn default_names_never_overwrite_in_parallel() {
    let place = place();
    let start = |seed: u32| {
        let mut command = Command::new(GAN_SAMPLE);
        let seed = seed.to_string();
        command.args(["--checkpoint", "ckpt.mpk", "--count", "500", "--seed", &seed]);
        command.current_dir(place.path("")).stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    for mut child in (0..8).map(start).collect::<Vec<_>>() {
        assert!(child.wait().unwrap().success());
    }
    let mut names = place.list(".");
    names.retain(|name| name.starts_with("digits-"));
    assert_eq!(names.len(), 8, "{names:?}");
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_neither_a_reserved_nor_a_temporary_file() {
    let place = place();
    for (flags, begun) in
        [("--count 2000000 --out x.npy", ".x.npy."), ("--count 200000", "digits-0001.png")]
    {
        let args = format!("--checkpoint ckpt.mpk --device {CPU} {flags}");
        let mut running = place.start_program(GAN_SAMPLE, &args);
        running.until(|| place.list(".").iter().any(|name| name.starts_with(begun)));
        let ran = running.signal("TERM");
        assert_eq!(ran.code, Some(143), "{}", ran.stderr);
        assert_eq!(place.list("."), ["ckpt.mpk"]);
    }
}

#[test]
fn invalid_flags_are_named_and_nothing_is_written() {
    let place = place();
    let fails = |args: &str, code, words: &[&str]| {
        place.sample(&format!("--checkpoint ckpt.mpk {args}")).fails(code, words);
    };
    fails("--out digits.jpg", 2, &["--out", "digits.jpg", ".png, .gif, .npy"]);
    fails("--count 0", 2, &["--count is 0"]);
    fails("--columns 0", 2, &["--columns is 0"]);
    fails("--scale 0", 2, &["--scale is 0"]);
    fails("--interpolate 1", 2, &["--interpolate is 1"]);
    fails("--interpolate --columns 3", 2, &["--columns 3 has no effect", "--interpolate"]);
    fails("--count -1", 2, &["--count"]);
    fails("--seed many", 2, &["--seed"]);
    fails("--colour red", 2, &["--colour"]);
    fails("--count 4000000000 --out a.png", 1, &["too large"]);
    fails("--out no/such/folder.png", 1, &["no/such/folder.png"]);
    assert_eq!(place.list("."), ["ckpt.mpk"]);
    place.sample("").fails(2, &["--checkpoint"]);

    place.write("full/thesis.tex", "precious");
    fails("--out full", 1, &["full", "not empty"]);
    assert_eq!(place.list("full"), ["thesis.tex"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.sample("--checkpoint ckpt.mpk --count 2 --out empty").ok();
    assert_eq!(place.list("empty"), ["000000.png", "000001.png"]);
}
