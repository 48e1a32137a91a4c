//! Sampling sees what training sees, and what a run leaves can be read.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::process::{Command, Output};

use burn::tensor::Device;
use gan_core::ImageShape;
use gan_data::synthetic;
use gan_run::{Record, RunState};
use one_net::training::{load, mean_loss};
use one_net::{Images, Model, matrix};
use pixel_transformer::net::{Net, Sizes};
use pixel_transformer::patches::Patches;
use pixel_transformer::pixels::{PixelTransformer, Sampling, Settings};

const IMAGES: Images = Images { shape: gan_data::MNIST_SHAPE, classes: 10 };
const SMALL: Settings = Settings { levels: 4, patch: 4, width: 16, layers: 2, heads: 2, units: 4 };

#[test]
fn patches_are_a_permutation_of_the_image() {
    let image = ImageShape { channels: 3, height: 4, width: 6 };
    let patches = Patches { image, side: 2, levels: 16 };
    let places = patches.places();
    // Two rows of two pixels of three channels.
    assert_eq!(places[..12], [0, 1, 2, 3, 4, 5, 18, 19, 20, 21, 22, 23]);
    let mut sorted = places;
    sorted.sort_unstable();
    assert_eq!(sorted, (0..image.len()).collect::<Vec<_>>());
    assert_eq!([-1.0, 1.0].map(|x| patches.grey(patches.level(x))), [0, 255]);
}

/// The logits of training, all at once, are those of sampling, pixel by pixel, where nothing of later
/// pixels is known yet.
#[test]
fn a_pixel_depends_on_those_before_it_alone() {
    let image = ImageShape { channels: 1, height: 4, width: 6 };
    let patches = Patches { image, side: 2, levels: 4 };
    let (count, pixels, levels, classes) = (patches.count(), patches.values(), 4, 3);
    let sizes =
        Sizes { patches: count, pixels, levels, classes, width: 8, layers: 2, heads: 2, units: 6 };
    let (net, device, batch) = (Net::new(sizes, 1, &Device::flex()), Device::flex(), 2);
    let tensor = |numbers: Vec<f32>, rows: usize| matrix(&numbers, rows, &device);
    let hot = |drawn: &[usize], of: usize| {
        let hot = |&at: &usize| (0..of).map(move |level| if level == at { 1.0 } else { 0.0 });
        drawn.iter().flat_map(hot).collect::<Vec<f32>>()
    };
    let drawn: Vec<usize> = (0..batch * image.len()).map(|index| (index * 7 + 3) % 5 % 4).collect();
    let values: Vec<f32> = drawn.iter().map(|&level| patches.value(level)).collect();
    let neighbours = |values: &[f32], patch| {
        let of_image = |image| patches.neighbours(image, patch).collect::<Vec<f32>>();
        values.chunks_exact(image.len()).map(of_image).collect::<Vec<_>>()
    };
    let by_patch: Vec<_> = (0..count).map(|patch| neighbours(&values, patch)).collect();
    let all = (0..batch).flat_map(|image| by_patch.iter().flat_map(move |all| all[image].clone()));
    let labels = tensor(hot(&[2, 0], classes), batch);
    let (all, own) = (tensor(all.collect(), batch * count), tensor(values.clone(), batch * count));
    let logits = net.forward(all, own, labels.clone());
    let logits: Vec<f32> = logits.into_data().try_into_vec().unwrap();

    let (mut caches, mut known_values) = (net.caches(), vec![9.0; batch * image.len()]);
    for patch in 0..count {
        let around = neighbours(&known_values, patch).concat();
        let known = net.next(patch, tensor(around, batch), labels.clone(), &mut caches);
        let mut before = vec![9.0; batch * pixels];
        for pixel in 0..pixels {
            let found = net.pixel(pixel, known.clone(), tensor(before.clone(), batch));
            let found: Vec<f32> = found.into_data().try_into_vec().unwrap();
            for row in 0..batch {
                let at = row * image.len() + patch * pixels + pixel;
                let expected = &logits[at * levels..][..levels];
                for (found, expected) in found[row * levels..].iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
                }
                before[row * pixels + pixel] = values[at];
                known_values[at] = values[at];
            }
        }
    }
}

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pixel_transformer")).args(arguments).output().unwrap()
}

#[test]
fn a_run_can_be_watched_and_sampled_and_has_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = path("run");
    let mut flags = vec!["train", "--out", &run, "--epochs", "60", "--batch", "16"];
    flags.extend(["--sample-every", "30", "--levels", "4", "--width", "16", "--layers", "2"]);
    flags.extend(["--heads", "2", "--units", "4"]);
    let output = program(&flags);
    assert!(output.status.success(), "{output:?}");

    let record = Record::read(run.as_ref()).unwrap();
    assert_eq!(record.state(), RunState::Done);
    assert_eq!(record.samples().iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [30, 60]);
    assert_eq!(image::image_dimensions(record.paths.classes()).unwrap(), (280, 280));

    let dataset = synthetic(200, 1).unwrap();
    let new = PixelTransformer::new(&SMALL, IMAGES, 0, &Device::flex()).unwrap();
    let (_, trained) = load::<PixelTransformer>(run.as_ref()).unwrap();
    let [before, after] = [&new, &trained].map(|net| mean_loss(net, IMAGES, &dataset));
    // Without any knowledge, log₂ 4.
    assert!((before - 2.0).abs() < 0.1, "{before}");
    assert!(after < 1.7, "{after}");

    let drawn = |name: &str, more: &[&str]| {
        let out = path(name);
        let flags = ["sample", "--run", &run, "--count", "12", "--out", &out];
        let output = program(&[&flags, more].concat());
        assert!(output.status.success(), "{output:?}");
        std::fs::read(out).unwrap()
    };
    assert_eq!(drawn("a.npy", &[]), drawn("b.npy", &[]));
    assert_ne!(drawn("a.npy", &[]), drawn("c.npy", &["--seed", "1"]));
    assert_ne!(drawn("a.npy", &[]), drawn("d.npy", &["--guidance", "2"]));
    assert_ne!(drawn("a.npy", &[]), drawn("e.npy", &["--temperature", "0.5"]));
    let indices: Vec<u64> = (0..12).collect();
    let sampling = Sampling { temperature: 1.0, guidance: 1.25 };
    let samples = trained.samples(IMAGES, &sampling, 0, &indices, &IMAGES.turns(0, 12));
    assert!(drawn("a.npy", &[]).ends_with(&samples));
}

#[test]
fn a_sample_does_not_depend_on_those_beside_it() {
    let net = PixelTransformer::new(&SMALL, IMAGES, 2, &Device::flex()).unwrap();
    let draw = |indices: &[u64], labels: &[Option<u16>]| {
        net.samples(IMAGES, &Sampling { temperature: 1.0, guidance: 1.5 }, 5, indices, labels)
    };
    let together = draw(&[0, 1, 2], &[Some(3), None, Some(9)]);
    let len = together.len() / 3;
    assert_eq!(together[len..2 * len], draw(&[1], &[None]));
    assert_eq!(together[2 * len..], draw(&[2], &[Some(9)]));
}

#[test]
fn errors_name_what_is_expected() {
    for (flags, expected) in [
        (["--patch", "5"], "--patch is 5; expected a divisor of the sides of the images, 28x28"),
        (["--heads", "5"], "--width is 96; expected at most 4096, and a multiple of --heads, 5"),
        (["--lr", "0"], "--lr is 0; expected more than 0, at most 1"),
    ] {
        let output = program(&[&["train"][..], &flags].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(expected), "{text}");
    }
}
