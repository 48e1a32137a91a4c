//! Trainings with random settings that are interrupted or crash at random, and are resumed.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use burn::tensor::Device;
use gan_data::{Dataset, synthetic};
use gan_eval::FeatureExtractor;
use gan_model::checkpoint::Checkpoint;
use gan_model::device::select;
use gan_model::{
    Augmentation, ConvConfig, DenseConfig, Family, Loss, ModelConfig, Normalisation, Schedule,
    TrainingConfig, Upsampling,
};
use gan_train::{Control, Evaluator, Event, Outcome, Recipe, RunDir, Trainer, train, validate};
use serde_json::Value;

use crate::util::{CPU, Draw, Place, number};

/// Random small nets.
fn family(draw: &mut Draw, recipe: Family) -> Family {
    let maybe = |draw: &mut Draw| draw.below(3) == 0;
    let norm = |draw: &mut Draw| draw.of(&[Normalisation::None, Normalisation::Batch]);
    if draw.below(4) == 0 {
        return Family::Conv(ConvConfig {
            filters: draw.of(&[1, 2, 5]),
            kernel: draw.of(&[3, 4]),
            generator_hidden: draw.of(&[vec![], vec![6]]),
            discriminator_hidden: draw.of(&[vec![], vec![7]]),
            upsampling: draw.of(&[Upsampling::Transposed, Upsampling::Resize]),
            generator_norm: norm(draw),
            spectral_norm: maybe(draw),
            minibatch_stddev: draw.of(&[0, 2, 4]),
        });
    }
    let mut dense = match recipe {
        Family::Dense(dense) => dense,
        _ => DenseConfig::default(),
    };
    dense.generator_hidden = draw.of(&[vec![], vec![7], vec![8, 5]]);
    dense.discriminator_hidden = draw.of(&[vec![], vec![9], vec![6, 4]]);
    // Each of the others with probability 1/3.
    if maybe(draw) {
        dense.generator_norm = norm(draw);
    }
    if maybe(draw) {
        dense.spectral_norm = draw.below(2) == 0;
    }
    if maybe(draw) {
        dense.minibatch_stddev = draw.of(&[0, 2, 4]);
    }
    Family::Dense(dense)
}

/// Random valid settings of a small training.
fn settings(draw: &mut Draw) -> (ModelConfig, TrainingConfig) {
    loop {
        let (model, training) = Recipe::settings(draw.of(&Recipe::ALL));
        let maybe = |draw: &mut Draw| draw.below(3) == 0;
        let family = family(draw, model.family.clone());
        let mut model = ModelConfig { latent: draw.of(&[1, 3, 8]), family, ..model };
        let epochs = 1 + draw.below(12);
        let mut training = TrainingConfig {
            epochs,
            batch: draw.of(&[1, 4, 8, 12]),
            seed: draw.below(1000),
            sample_every: 1 + draw.below(6),
            checkpoint_every: 1 + draw.below(6),
            eval_every: draw.of(&[0, 2, 3, 5]),
            eval_count: 100,
            ..training
        };
        if maybe(draw) {
            training.loss = draw.of(&Loss::ALL.map(|(loss, ..)| loss));
        }
        // Each of the others with probability 1/3.
        if maybe(draw) {
            (model.pack, model.pixel_mean) = (draw.of(&[1, 2]), draw.of(&[0.0, -0.74]));
        }
        if maybe(draw) {
            (training.d_steps, training.penalty_every) = (draw.of(&[1, 2, 3]), draw.of(&[1, 2, 5]));
        }
        if maybe(draw) {
            (training.r1, training.r2) = (draw.of(&[0.0, 0.1]), draw.of(&[0.0, 0.3]));
        }
        if maybe(draw) {
            training.dropout = 0.2;
        }
        if maybe(draw) {
            training.instance_noise = 0.3;
        }
        if maybe(draw) {
            training.augment =
                (0..2).map(|_| draw.of(&Augmentation::ALL.map(|(kind, ..)| kind))).collect();
        }
        if maybe(draw) {
            (training.label_smoothing, training.clip) =
                (draw.of(&[0.0, 0.1]), draw.of(&[0.0, 0.05]));
        }
        if maybe(draw) {
            training.schedule = draw.of(&[Schedule::Constant, Schedule::Linear, Schedule::Cosine]);
            training.decay_from = draw.of(&[0.0, 0.4]);
        }
        if maybe(draw) {
            training.d_lr = draw.of(&[None, Some(0.004)]);
            training.lr = draw.of(&[2e-4, 1.0 / 700.0]);
        }
        if maybe(draw) {
            (training.beta1, training.beta2) = (draw.of(&[0.0, 0.6]), draw.of(&[0.9, 0.999]));
            training.ema = draw.of(&[0.0, 0.5_f64.powf(1.0 / 7.0), 0.99]);
        }
        if model.validate().is_ok() && validate(&model, &training).is_ok() {
            return (model, training);
        }
    }
}

/// What the trainings of this process share.
struct Shared {
    device: Device,
    images: Dataset,
    evaluator: Evaluator,
}

/// How a part of a training ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// At the last epoch, or earlier as by `--stop-after` or a signal.
    Stop(u64),
    /// By a crash at the event of this number.
    Crash(u64),
}

/// Trains or resumes in `root`; returns whether all epochs are done.
fn part(
    shared: &Shared,
    (model, training): &(ModelConfig, TrainingConfig),
    root: &Path,
    end: End,
) -> bool {
    let device = &shared.device;
    let checkpoint = root.join("ckpt.mpk");
    let (run, mut trainer) = if checkpoint.exists() {
        let run = RunDir::open(root).unwrap();
        let checkpoint = Checkpoint::read(&checkpoint).unwrap();
        (run, Trainer::resume(&checkpoint, device).unwrap())
    } else {
        let trainer = Trainer::new(model.clone(), training.clone(), device);
        (RunDir::create(root).unwrap(), trainer)
    };
    let evaluator = (training.eval_every > 0).then_some(&shared.evaluator);
    let mut events = 0;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let stop = |epoch| match end {
            End::Stop(last) if epoch >= last => Control::Stop,
            _ => Control::Continue,
        };
        train(&mut trainer, &shared.images, &run, evaluator, device, stop, |_: Event| {
            events += 1;
            if matches!(end, End::Crash(at) if events == at) {
                // Without the message of a panic.
                resume_unwind(Box::new("crash"));
            }
        })
    }));
    match ended {
        Ok(outcome) => outcome.unwrap() == Outcome::Finished,
        Err(crash) => {
            assert!(crash.is::<&str>(), "another panic");
            // As if it was writing a row and a checkpoint.
            let rows = fs::read_to_string(run.metrics()).unwrap_or_default();
            fs::write(run.metrics(), rows + "{\"epoch\":3,\"d_lo").unwrap();
            fs::write(root.join(".ckpt.mpk.1.tmp"), "half").unwrap();
            if !checkpoint.exists() {
                fs::remove_file(run.metrics()).unwrap();
            }
            false
        }
    }
}

/// `GAN_CASES` is the number of trainings.
#[test]
#[expect(clippy::print_stdout, reason = "prints the settings that fail, and its counts")]
fn any_training_can_be_interrupted_and_resumed_with_the_same_result() {
    let device = select(CPU).unwrap().device;
    let evaluator = Evaluator::new(FeatureExtractor::mnist(&device), synthetic(300, 1).unwrap());
    let shared = Shared { images: synthetic(50, 0).unwrap(), evaluator, device };
    let mut draw = Draw::new("parts", 11);
    let (mut stops, mut crashes) = (0, 0);
    for case in 0..number("GAN_CASES", 60) {
        let settings = settings(&mut draw);
        println!("case {case}: {settings:?}");
        let place = Place::new();
        let total = settings.1.epochs;
        assert!(part(&shared, &settings, &place.path("uninterrupted"), End::Stop(u64::MAX)));
        // After seven parts the rest is uninterrupted.
        for attempt in 0_u64.. {
            let end = match draw.below(8) {
                _ if attempt > 6 => End::Stop(u64::MAX),
                0..5 => End::Crash(1 + draw.below(3 * total)),
                5 | 6 => End::Stop(1 + draw.below(total)),
                _ => End::Stop(u64::MAX),
            };
            println!("  {end:?}");
            if part(&shared, &settings, &place.path("parts"), end) {
                break;
            }
            stops += u64::from(matches!(end, End::Stop(_)));
            crashes += u64::from(matches!(end, End::Crash(_)));
        }
        place.assert_same_run("parts", "uninterrupted");
        assert_eq!(place.list("parts"), place.list("uninterrupted"));
        assert_eq!(place.list("parts/samples"), place.list("uninterrupted/samples"));
        let epochs = |row: &Value| row["epoch"].as_u64().unwrap();
        let rows: Vec<_> = place.rows("parts").iter().map(epochs).collect();
        assert!(rows.is_sorted_by(|a, b| a < b), "every epoch once, in order: {rows:?}");
    }
    println!("{stops} stops and {crashes} crashes");
}

/// The settings as flags.
fn flags((model, training): &(ModelConfig, TrainingConfig)) -> String {
    let mut flags = Vec::new();
    let records = [serde_json::to_value(model), serde_json::to_value(training)];
    for (name, value) in records.iter().flat_map(|r| r.as_ref().unwrap().as_object().unwrap()) {
        let value = match value {
            Value::String(word) => word.clone(),
            Value::Array(items) if items.is_empty() => "none".into(),
            Value::Array(items) => {
                let word = |item: &Value| item.to_string().trim_matches('"').to_owned();
                items.iter().map(word).collect::<Vec<_>>().join(",")
            }
            Value::Null => continue,
            other => other.to_string(),
        };
        match name.as_str() {
            "channels" | "height" | "width" | "classes" | "epsilon" => {}
            "spectral_norm" => flags.push(format!("--spectral-norm={value}")),
            name => flags.push(format!("--{} {value}", name.replace('_', "-"))),
        }
    }
    flags.join(" ")
}

/// The same with gan-train and real signals, for a tenth of `GAN_CASES`.
#[cfg(unix)]
#[test]
#[expect(clippy::print_stdout, reason = "prints the settings that fail")]
fn signals_do_not_change_the_result() {
    let mut draw = Draw::new("signals", 3);
    for case in 0..number("GAN_CASES", 60).div_ceil(10) {
        let mut settings = settings(&mut draw);
        settings.1 = TrainingConfig {
            epochs: 100 + draw.below(200),
            sample_every: 40,
            eval_every: 0,
            // No flag can unset the recipe's value.
            d_lr: settings.1.d_lr.or(Some(settings.1.lr)),
            ..settings.1
        };
        let (total, flags) = (settings.1.epochs, flags(&settings));
        println!("case {case}: {flags}");
        let place = Place::new();
        let train = format!("--dataset synthetic --device {CPU} --quiet {flags}");
        place.gan_train(&format!("{train} --out uninterrupted")).ok();
        let uninterrupted = Checkpoint::open(&place.path("uninterrupted/ckpt.mpk")).unwrap();
        let header = uninterrupted.header();
        assert_eq!((&header.model, &header.training), (&settings.0, &settings.1));

        let first = 1 + draw.below(total - 1);
        place.gan_train(&format!("{train} --stop-after {first} --out run")).ok();
        for signal in ["KILL", "TERM", "INT", "HUP"] {
            let rows = place.rows("run").len();
            let mut run = place.start("--resume run --quiet");
            let at = rows + draw.below(4) as usize;
            while !run.has_ended() && place.rows("run").len() < at {
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
            let ran = if run.has_ended() { run.ended() } else { run.signal(signal) };
            let code = ran.code;
            let expected = match signal {
                "KILL" => None,
                "TERM" => Some(143),
                "INT" => Some(130),
                _ => Some(129),
            };
            // It may have ended, or not yet handle signals.
            assert!([expected, Some(0), None].contains(&code), "{signal}: {code:?}");
        }
        place.resume("run", "--quiet").ok();
        place.assert_same_run("run", "uninterrupted");
    }
}
