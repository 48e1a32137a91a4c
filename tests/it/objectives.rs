//! Losses, regularisers and other options: a training with them resumes exactly, other values on
//! resume are refused, and their ranges are checked.
//!
//! They are added to the recipe plain, which uses none of them and never changes.

use serde_json::{Value, json};

use crate::util::Place;

/// All options together. The checkpoint of the third epoch is between two penalties, after six
/// updates of the discriminator.
const ALL: &str = "--loss minimax --spectral-norm --pack 2 --minibatch-stddev 2 --pixel-mean -0.74 \
                   --generator-norm batch --d-steps 2 --r1 0.1 --r2 0.1 --penalty-every 4 \
                   --clip 0.5 --dropout 0.2 --label-smoothing 0.1 --instance-noise 0.3 \
                   --augment translation,cutout --schedule cosine --d-lr 1e-3 --beta2 0.99 --ema-half-life 5";

/// The flags of a training of six epochs with `options`.
fn plan(options: &str) -> String {
    let recipe = if options.contains("--recipe") { "" } else { "--recipe plain" };
    format!(
        "{recipe} --epochs 6 --batch 8 --eval-every 0 --sample-every 3 \
         --checkpoint-every 6 {options}"
    )
}

/// Asserts that a run that is interrupted after three of six epochs and resumed equals an
/// uninterrupted one.
#[track_caller]
fn assert_resumes_exactly(options: &str) {
    let place = Place::new();
    let plan = plan(options);
    place.train(&format!("{plan} --quiet --out uninterrupted")).ok();
    let stopped = place.train(&format!("{plan} --stop-after 3 --quiet --json --out parts"));
    let stopped = stopped.ok().object();
    assert_eq!(stopped["outcome"], "stopped");
    assert_eq!(stopped["epochs"], 3);
    assert_eq!(epochs(&place.rows("parts")), [3]);
    assert_eq!(place.json("parts/config.json")["training"]["epochs"], 6, "the total stays");

    place.resume("parts", "--quiet").ok();
    place.assert_same_run("parts", "uninterrupted");
    assert_eq!(place.list("parts/samples"), place.list("uninterrupted/samples"));
    assert_eq!(place.json("parts/config.json"), place.json("uninterrupted/config.json"));
    let rows = place.rows("uninterrupted");
    assert_eq!(epochs(&rows), [3, 6]);
    for row in rows {
        // NaN would be written as null.
        assert!(row["d_loss"].is_f64() && row["g_loss"].is_f64(), "{row}");
    }
}

fn epochs(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["epoch"].as_u64().unwrap()).collect()
}

/// The output of a dry run of the recipe plain with `args`.
fn dry_run(args: &str) -> Value {
    let dry = "--dry-run --json --quiet --recipe plain";
    Place::new().gan_train(&format!("{dry} {args}")).ok().object()
}

#[test]
fn every_recipe_resumes_exactly() {
    for recipe in [
        "default",
        "conditional",
        "conditional-short",
        "conv",
        "conv-conditional",
        "long",
        "listing-tuned",
        "plain",
        "listing",
    ] {
        assert_resumes_exactly(&format!("--recipe {recipe}"));
    }
}

#[test]
fn cross_entropy_with_noise_and_dropout_resumes_exactly() {
    assert_resumes_exactly("--loss bce --dropout 0.2 --label-smoothing 0.1 --instance-noise 0.3");
}

#[test]
fn cross_entropy_with_minibatch_stddev_resumes_exactly() {
    assert_resumes_exactly("--loss bce --minibatch-stddev 4 --r1 0.1");
}

#[test]
fn minimax_with_a_schedule_resumes_exactly() {
    assert_resumes_exactly("--loss minimax --schedule linear --d-lr 1e-3");
}

#[test]
fn least_squares_with_spectral_norm_and_two_updates_resumes_exactly() {
    assert_resumes_exactly("--loss least-squares --spectral-norm --d-steps 2 --schedule cosine");
}

#[test]
fn hinge_with_lazy_penalty_and_packing_resumes_exactly() {
    assert_resumes_exactly(
        "--loss hinge --r1 0.1 --penalty-every 2 --generator-norm batch --pack 2",
    );
}

#[test]
fn wasserstein_with_clipping_or_penalties_resumes_exactly() {
    assert_resumes_exactly("--loss wasserstein --d-steps 2 --ema-half-life 50");
    assert_resumes_exactly("--loss wasserstein --r1 0.1 --r2 0.1 --spectral-norm");
}

#[test]
fn relativistic_with_both_penalties_resumes_exactly() {
    assert_resumes_exactly("--loss relativistic --r1 0.1 --r2 0.1 --dropout 0.2");
    assert_resumes_exactly("--loss relativistic --r2 0.1 --generator-norm batch --pack 2");
}

#[test]
fn augmentation_resumes_exactly() {
    assert_resumes_exactly("--augment translation,flip,cutout,colour --r1 0.1 --loss relativistic");
}

#[test]
fn all_options_together_resume_exactly() {
    assert_resumes_exactly(ALL);
}

#[test]
fn the_number_of_threads_does_not_change_the_result_of_all_options() {
    let place = Place::new();
    // Large enough for several threads. These layers are added to those of the small networks.
    let sizes = "--generator-hidden 100,300 --discriminator-hidden 300,100";
    let plan = plan(&format!("{ALL} {sizes}")).replace("--batch 8", "--batch 100");
    for threads in ["1", "2", "5"] {
        place.train(&format!("{plan} --quiet --threads {threads} --out {threads}")).ok();
    }
    place.assert_same_run("1", "2");
    place.assert_same_run("1", "5");
}

#[test]
fn every_setting_changes_the_result() {
    let place = Place::new();
    let mut results = Vec::new();
    for (index, options) in [
        "",
        "--loss minimax",
        "--loss least-squares",
        "--loss hinge",
        "--loss wasserstein",
        "--loss wasserstein --clip 0.02",
        "--loss relativistic",
        "--r1 0.1",
        "--r1 0.1 --penalty-every 2",
        "--r2 0.1",
        "--clip 0.01",
        "--dropout 0.2",
        "--label-smoothing 0.1",
        "--instance-noise 0.3",
        "--augment translation",
        "--augment flip",
        "--augment cutout",
        "--augment colour",
        "--spectral-norm",
        "--pack 2",
        "--minibatch-stddev 4",
        "--d-steps 2",
        "--generator-norm batch",
        "--schedule linear",
        "--schedule cosine",
        "--d-lr 1e-3",
        "--beta2 0.9",
        // Short enough to have an effect in the first epochs, in which every EMA is short.
        "--ema-half-life 0.5",
    ]
    .into_iter()
    .enumerate()
    {
        // A large learning rate, so that the samples differ as well.
        let plan = plan(options);
        place.train(&format!("{plan} --lr 0.01 --quiet --out {index}")).ok();
        let run = (place.rows(&index.to_string()), place.previews(&index.to_string()));
        assert!(!results.contains(&run), "{options:?} has the result of another setting");
        results.push(run);
    }
}

#[test]
fn a_flag_that_contradicts_the_checkpoint_is_refused() {
    let place = Place::new();
    place.train("--recipe plain --epochs 3 --eval-every 0 --quiet --out run").ok();
    let before = place.read("run/ckpt.mpk");
    for flag in [
        "--loss hinge",
        "--r1 0.5",
        "--r2 0.5",
        "--penalty-every 2",
        "--clip 0.1",
        "--dropout 0.2",
        "--label-smoothing 0.1",
        "--instance-noise 0.3",
        "--augment flip,colour",
        "--d-steps 2",
        "--d-lr 0.001",
        "--beta2 0.9",
        "--schedule linear",
        "--generator-norm batch",
        "--spectral-norm",
        "--pack 2",
        "--minibatch-stddev 4",
    ] {
        let ran = place.resume("run", &format!("--epochs 9 {flag}"));
        ran.fails(2, &[flag, "contradicts the checkpoint"]);
    }
    place.write("my.toml", "r1 = 0.5");
    let ran = place.resume("run", "--epochs 9 --config my.toml");
    ran.fails(2, &["--r1 0.5", "contradicts the checkpoint"]);
    assert!(place.read("run/ckpt.mpk") == before, "the checkpoint is unchanged");
}

#[test]
fn settings_that_repeat_the_checkpoint_are_accepted() {
    let place = Place::new();
    let options = "--loss hinge --r1 1 --penalty-every 2 --dropout 0.2 --instance-noise 0.3 \
                   --augment flip,colour \
                   --d-steps 2 --d-lr 0.001 --schedule cosine --generator-norm batch \
                   --spectral-norm --pack 2 --minibatch-stddev 4";
    let plan = format!("--recipe plain --epochs 3 --eval-every 0 {options}");
    place.train(&format!("{plan} --quiet --out run")).ok();
    let before = place.read("run/ckpt.mpk");
    place.resume("run", &format!("{plan} --quiet")).ok();
    assert!(place.read("run/ckpt.mpk") == before, "nothing was trained");

    let ran = place.resume("run", "--spectral-norm=false");
    ran.fails(2, &["--spectral-norm false", "contradicts the checkpoint's true"]);
    place.resume("run", "--penalty-every 1").fails(2, &["--penalty-every 1", "contradicts"]);
}

#[test]
fn a_half_life_that_contradicts_the_checkpoint_is_refused() {
    let place = Place::new();
    let plan = "--recipe plain --epochs 3 --eval-every 0 --ema-half-life 50";
    place.train(&format!("{plan} --quiet --out run")).ok();
    place.resume("run", "--ema-half-life 50 --quiet").ok();
    let ran = place.resume("run", "--epochs 9 --ema-half-life 5 --quiet");
    ran.fails(2, &["--ema", "contradicts the checkpoint"]);
    let ran = place.resume("run", "--epochs 9 --ema 0.5 --quiet");
    ran.fails(2, &["--ema 0.5", "contradicts the checkpoint"]);
}

#[test]
fn a_value_out_of_range_names_its_flag() {
    let place = Place::new();
    for (flags, words) in [
        ("--dropout 1", "--dropout is 1; expected 0 or more, below 1"),
        ("--dropout -0.1", "--dropout is -0.1"),
        ("--label-smoothing 0.7", "--label-smoothing is 0.7; expected 0 to 0.5"),
        ("--label-smoothing -0.1", "--label-smoothing is -0.1"),
        ("--instance-noise -1", "--instance-noise is -1"),
        ("--r1 -1", "--r1 is -1"),
        ("--r2 -1", "--r2 is -1"),
        ("--r2 much", "--r2"),
        ("--clip -1", "--clip is -1"),
        ("--penalty-every 0", "--penalty-every is 0"),
        ("--d-steps 0", "--d-steps is 0"),
        ("--d-steps 1001", "--d-steps is 1001"),
        ("--d-lr 0", "--d-lr is 0"),
        ("--d-lr 11", "--d-lr is 11"),
        ("--beta2 1", "--beta2 is 1"),
        ("--beta2 0.99999999", "--beta2 is 0.99999999; expected 0 or more, below 1"),
        ("--epsilon 0", "--epsilon is 0"),
        ("--ema-half-life -1", "--ema"),
        ("--ema-half-life 1e9", "--ema-half-life is 1000000000; expected 0 to 23258159"),
        ("--ema-half-life 9 --ema 0.9", "--ema-half-life"),
        ("--pack 0", "--pack is 0"),
        ("--pack 65 --batch 65", "--pack is 65"),
        ("--pack 3 --batch 8", "--pack"),
        ("--minibatch-stddev 3 --batch 8", "--minibatch-stddev"),
        ("--minibatch-stddev 4 --pack 4 --batch 8", "--minibatch-stddev"),
        ("--generator-norm batch --batch 1", "--generator-norm batch"),
        ("--generator-norm layer", "--generator-norm"),
        ("--spectral-norm=maybe", "--spectral-norm"),
        ("--schedule stairs", "--schedule"),
        ("--loss hinges", "--loss"),
        ("--augment flips", "--augment"),
        ("--eval-count 5", "--eval-count is 5"),
    ] {
        place.gan_train(&format!("{flags} --offline --dry-run")).fails(2, &[words]);
    }
    assert!(place.list(".").is_empty());
}

#[test]
fn nan_and_infinity_are_refused() {
    let place = Place::new();
    for flag in ["lr", "d-lr", "beta2", "ema", "r1", "r2", "clip", "dropout", "instance-noise"] {
        for number in ["NaN", "inf"] {
            let args = format!("--{flag} {number} --offline --dry-run");
            place.gan_train(&args).fails(2, &[&format!("--{flag}")]);
        }
        place.write("my.toml", format!("{flag} = nan"));
        place.gan_train("--config my.toml --offline --dry-run").fails(2, &[flag]);
    }
}

#[test]
fn a_dry_run_shows_every_setting() {
    let object = dry_run(ALL);
    let training = &object["training"];
    for (name, value) in [
        ("loss", json!("minimax")),
        ("d_steps", json!(2)),
        ("r1", json!(0.1)),
        ("r2", json!(0.1)),
        ("penalty_every", json!(4)),
        ("clip", json!(0.5)),
        ("dropout", json!(0.2)),
        ("label_smoothing", json!(0.1)),
        ("instance_noise", json!(0.3)),
        ("augment", json!(["translation", "cutout"])),
        ("schedule", json!("cosine")),
        ("d_lr", json!(0.001)),
        ("beta2", json!(0.99)),
    ] {
        assert_eq!(training[name], value, "{name}");
    }
    let ema = training["ema"].as_f64().unwrap();
    assert!((ema.powi(5) - 0.5).abs() < 1e-9, "{ema} is not halved after 5 epochs");
    let model = &object["model"];
    assert_eq!(model["spectral_norm"], true);
    assert_eq!(model["pack"], 2);
    assert_eq!(model["minibatch_stddev"], 2);
    assert_eq!(model["pixel_mean"], -0.74);
    assert_eq!(model["generator_norm"], "batch");

    let ran = Place::new().gan_train(&format!("--dry-run --recipe plain {ALL}")).ok();
    for word in ["minimax", "r1 0.1", "spectral-norm true", "augment translation,cutout"] {
        assert!(ran.stderr.contains(word), "{word:?} is not in {}", ran.stderr);
    }
}

#[test]
fn wasserstein_clips_without_another_regulariser() {
    let clip = |args: &str| dry_run(args)["training"]["clip"].clone();
    assert_eq!(clip("--loss wasserstein"), 0.01);
    assert_eq!(clip("--loss wasserstein --clip 0.5"), 0.5);
    assert_eq!(clip("--loss wasserstein --clip 0"), 0.0);
    assert_eq!(clip("--loss wasserstein --r1 1"), 0.0);
    assert_eq!(clip("--loss wasserstein --r1 1 --clip 0.5"), 0.5);
    assert_eq!(clip("--loss hinge"), 0.0);
}

#[test]
fn a_configuration_file_sets_the_same_options_as_flags() {
    let place = Place::new();
    let file = "r1 = 1\nloss = \"hinge\"\ngenerator_norm = \"batch\"\nspectral-norm = true\n\
                recipe = \"plain\"\nema_half_life = 50\nd-lr = 0.002\n";
    place.write("my.toml", file);
    let object = place.gan_train("--config my.toml --dry-run --json --quiet").ok().object();
    assert_eq!(object["training"]["r1"], 1.0);
    assert_eq!(object["training"]["loss"], "hinge");
    assert_eq!(object["training"]["d_lr"], 0.002);
    assert_eq!(object["model"]["generator_norm"], "batch");
    assert_eq!(object["model"]["spectral_norm"], true);
    let ema = object["training"]["ema"].as_f64().unwrap();
    assert!((ema.powi(50) - 0.5).abs() < 1e-9, "{ema}");

    let flags = "--r1 2 --loss bce --generator-norm none --spectral-norm=false";
    let ran = place.gan_train(&format!("--config my.toml {flags} --dry-run --json --quiet"));
    let object = ran.ok().object();
    assert_eq!(object["training"]["r1"], 2.0, "flags win");
    assert_eq!(object["training"]["loss"], "bce");
    assert_eq!(object["model"]["generator_norm"], "none");
    assert_eq!(object["model"]["spectral_norm"], false);
}

#[test]
fn ema_overrides_a_half_life_in_the_file() {
    let place = Place::new();
    place.write("my.toml", "ema-half-life = 5");
    let ran = place.gan_train("--config my.toml --ema 0.9 --dry-run --json --quiet").ok();
    assert_eq!(ran.object()["training"]["ema"], 0.9);
}

#[test]
fn an_invalid_value_in_the_file_names_its_key() {
    let place = Place::new();
    for (text, words) in [
        ("loss = \"hinges\"", ["--loss", "hinges", "least-squares"]),
        ("schedule = \"stairs\"", ["--schedule", "stairs", "cosine"]),
        ("generator-norm = \"layer\"", ["--generator-norm", "layer", "batch"]),
        ("spectral-norm = \"maybe\"", ["my.toml", "spectral-norm", "boolean"]),
        ("r1 = \"much\"", ["my.toml", "r1", "much"]),
    ] {
        place.write("my.toml", text);
        place.gan_train("--config my.toml --dry-run").fails(2, &words);
    }
    assert_eq!(place.list("."), ["my.toml"]);
}
