//! A few updates learn something, and what a run leaves can be read.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::{Command, Output};

use burn::tensor::Device;
use diffusion::flow::{Flow, Sampling, Settings};
use gan_data::synthetic;
use gan_run::{Record, RunDir, RunState};
use one_net::training::{
    Config, DatasetConfig, ModelConfig, TrainingConfig, load, mean_loss, train,
};
use one_net::{Images, Model};

const IMAGES: Images = Images { shape: gan_data::MNIST_SHAPE, classes: 10 };

fn diffusion(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diffusion")).args(arguments).output().unwrap()
}

fn net(seed: u64) -> Flow {
    Flow::new(&Settings { filters: 4 }, IMAGES, seed, &Device::flex()).unwrap()
}

#[test]
fn a_run_can_be_watched_and_sampled_and_has_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = path("run");
    let flags = ["--epochs", "60", "--batch", "32", "--filters", "4", "--sample-every", "30"];
    let output = diffusion(&[&["train", "--out", &run][..], &flags].concat());
    assert!(output.status.success(), "{output:?}");

    let record = Record::read(run.as_ref()).unwrap();
    let epochs: Vec<u64> = record.rows.iter().map(|row| row.epoch).collect();
    assert_eq!(epochs, [20, 40, 60]);
    assert_eq!(record.total_epochs(), Some(60));
    assert_eq!(record.state(), RunState::Done);
    assert_eq!(record.samples().iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [30, 60]);
    assert_eq!(image::image_dimensions(record.paths.classes()).unwrap(), (280, 280));
    assert_eq!(record.image_shape(), Some(gan_data::MNIST_SHAPE));

    // Better than a net that knows nothing.
    let dataset = synthetic(500, 1).unwrap();
    let new = net(0);
    let (_, trained) = load::<Flow>(run.as_ref()).unwrap();
    let [before, after] = [&new, &trained].map(|net| mean_loss(net, IMAGES, &dataset));
    assert!(after < 0.8 * before, "{after} after {before}");

    let drawn = |name: &str, more: &[&str]| {
        let (out, labels) = (path(name), path("labels.npy"));
        let flags = ["--count", "23", "--steps", "2", "--out", &out, "--labels-out", &labels];
        let output = diffusion(&[&["sample", "--run", &run][..], &flags, more].concat());
        assert!(output.status.success(), "{output:?}");
        std::fs::read(out).unwrap()
    };
    assert_eq!(drawn("a.npy", &[]), drawn("b.npy", &[]));
    // The arrays are the samples, and the classes in turn.
    let labels = IMAGES.turns(0, 23);
    let indices: Vec<u64> = (0..23).collect();
    let sampling = Sampling { steps: 2, guidance: 1.25 };
    let samples = trained.samples(IMAGES, &sampling, 0, &indices, &labels);
    assert!(drawn("a.npy", &[]).ends_with(&samples));
    let labels: Vec<u8> = labels.into_iter().map(|label| label.unwrap() as u8).collect();
    assert!(std::fs::read(path("labels.npy")).unwrap().ends_with(&labels));
    assert_ne!(drawn("a.npy", &[]), drawn("c.npy", &["--seed", "1"]));
    assert_ne!(drawn("a.npy", &[]), drawn("d.npy", &["--guidance", "2"]));

    // It is measured on the data set that it was trained on.
    assert!(diffusion(&["test", "--run", &run]).status.success());
    let config = Path::new(&run).join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"synthetic\"", "\"mnist\"")).unwrap();
    let output = diffusion(&["test", "--run", &run]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("was trained on mnist"), "{text}");
}

#[test]
fn a_run_whose_loss_is_not_finite_is_known_as_diverged() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("run");
    let run = RunDir::create(&root).unwrap();
    let dataset = synthetic(100, 0).unwrap();
    let settings = Settings { filters: 4 };
    let config = Config {
        model: ModelConfig { family: Flow::NAME.into(), images: IMAGES, settings },
        training: TrainingConfig { epochs: 5, batch: 4, lr: f64::NAN, seed: 0, sample_every: 5 },
        dataset: DatasetConfig { name: dataset.name().into(), images: dataset.len() },
    };
    let error = train(net(0), &config, &dataset, &run, |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the loss is NaN at epoch 2; try a smaller --lr");
    drop(run);
    let record = Record::read(&root).unwrap();
    assert_eq!(record.state(), RunState::Diverged);

    // Weights that are not finite are found before they are saved.
    let root = folder.path().join("weights");
    let run = RunDir::create(&root).unwrap();
    let training = TrainingConfig { sample_every: 1, ..config.training.clone() };
    let config = Config { training, ..config };
    let error = train(net(0), &config, &dataset, &run, |_| ()).unwrap_err();
    assert!(
        error.to_string().contains("infinite or NaN at epoch 1; try a smaller --lr"),
        "{error}"
    );
    drop(run);
    assert_eq!(Record::read(&root).unwrap().state(), RunState::Diverged);
    assert!(!root.join("weights.bpk").exists());
}

#[test]
fn a_sample_does_not_depend_on_those_beside_it() {
    let (net, sampling) = (net(3), Sampling { steps: 2, guidance: 1.5 });
    let draw = |indices: &[u64], labels: &[Option<u16>]| {
        net.samples(IMAGES, &sampling, 5, indices, labels)
    };
    let together = draw(&[0, 1, 2], &[Some(3), None, Some(9)]);
    let len = together.len() / 3;
    assert_eq!(together[len..2 * len], draw(&[1], &[None]));
    assert_eq!(together[2 * len..], draw(&[2], &[Some(9)]));
}

#[test]
fn errors_name_what_is_expected() {
    for (arguments, expected) in [
        (
            &["sample", "--run", "nowhere", "--out", "x.npy"][..],
            "cannot read nowhere/config.json; expected the folder",
        ),
        (&["train", "--filters", "0"], "--filters is 0; expected 1 to 128"),
        (&["train", "--data-dir", "nowhere"], "nowhere"),
        (&["train", "--out", "src"], "--out src exists; expected the name of a new folder"),
        (&["sample", "--count", "0"], "expected 1 or more"),
        (&["sample", "--guidance", "NaN"], "expected a number above 0"),
        (&["sample", "--labels-out", "src/y.txt"], "expected a file that ends in .npy"),
        (&["sample", "--labels-out", "no/y.npy"], "whose folder does not exist; create it first"),
        (&["sample", "--labels-out", "x.npy"], "is the file of --out too"),
    ] {
        let sample = ["--run", "src", "--out", "x.npy"];
        let of_sample = arguments[0] == "sample" && arguments[1] != "--run";
        let output = diffusion(&[arguments, if of_sample { &sample[..] } else { &[] }].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(expected), "{text}");
    }
}
