//! Flags, the configuration file, help, completions and manual pages.

use crate::reports::{GAN_REPORT, GAN_RUNS};
use crate::util::{CPU, GAN_SAMPLE, GAN_TRAIN, GAN_WATCH, Place, trained};

const GAN_EVAL: &str = env!("CARGO_BIN_EXE_gan-eval");

/// Every documented flag and its default in the help.
const FLAGS: [(&str, Option<&str>); 45] = [
    ("--epochs", Some("10000; with --recipe long 100000")),
    ("--batch", Some("128")),
    ("--dataset", Some("auto")),
    ("--data-dir", Some("data/mnist")),
    ("--offline", None),
    ("--recipe", Some("default")),
    ("--lr", Some("the recipe's")),
    ("--d-lr", Some("the recipe's, or --lr where it has none")),
    ("--schedule", Some("the recipe's")),
    ("--decay-from", Some("the recipe's")),
    ("--beta1", Some("the recipe's")),
    ("--beta2", Some("the recipe's")),
    ("--epsilon", Some("the recipe's")),
    ("--ema-half-life", None),
    ("--generator-norm", Some("the recipe's")),
    ("--spectral-norm", Some("false")),
    ("--pack", Some("1")),
    ("--minibatch-stddev", Some("the recipe's")),
    ("--d-steps", Some("1")),
    ("--r1", Some("the recipe's")),
    ("--r2", Some("0")),
    ("--penalty-every", Some("the recipe's")),
    ("--clip", Some("0")),
    ("--dropout", Some("0")),
    ("--label-smoothing", Some("0")),
    ("--instance-noise", Some("0")),
    ("--eval-every", Some("a fifth of --epochs; never")),
    ("--eval-count", Some("2000")),
    ("--stop-after", None),
    ("--latent", Some("100")),
    ("--ema", Some("the recipe's")),
    ("--loss", Some("bce")),
    ("--sample-every", Some("1000")),
    ("--checkpoint-every", Some("1000")),
    ("--seed", Some("0")),
    ("--device", Some("auto")),
    ("--out", Some("the next free runs/0001-mnist-dense")),
    ("--resume", None),
    ("--config", None),
    ("--json", None),
    ("--watch", None),
    ("--tensorboard", None),
    ("--no-report", None),
    ("--quiet", None),
    ("--dry-run", None),
];

#[test]
fn help_names_every_flag_with_its_default_and_the_exit_codes() {
    let help = Place::new().gan_train("--help").ok().stdout;
    let starts_flag = |line: &str| line.trim_start().starts_with('-');
    for (flag, default) in FLAGS {
        let mut lines = help.lines().skip_while(|line| {
            let mut words = line.split([' ', ',', '[', '=']);
            !starts_flag(line) || !words.any(|word| word == flag)
        });
        let first = lines.next().unwrap_or_else(|| panic!("{flag} is not in the help"));
        let text: Vec<_> = lines.take_while(|line| !starts_flag(line)).collect();
        let text = format!("{first} {}", text.join(" "));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(default) = default {
            assert!(text.contains(&format!("[default: {default}")), "{text}");
        }
    }
    let (_, codes) = help.split_once("Exit codes:").unwrap();
    let words: Vec<_> = codes.split_whitespace().collect();
    for code in ["0", "1", "2", "3", "129", "130", "143"] {
        assert!(words.contains(&code), "{code:?} is not in {codes}");
    }
}

#[test]
fn version_completions_and_manual_pages_are_printed() {
    let place = Place::new();
    for (program, path, flag) in [
        ("gan-train", GAN_TRAIN, "json"),
        ("gan-sample", GAN_SAMPLE, "json"),
        ("gan-report", GAN_REPORT, "json"),
        ("gan-runs", GAN_RUNS, "json"),
        ("gan-eval", GAN_EVAL, "json"),
        ("gan-watch", GAN_WATCH, "serve"),
    ] {
        let run = |args: &[&str]| {
            let ran = place.run(path, args).ok();
            assert_eq!(ran.stderr, "");
            ran.stdout
        };
        let version = run(&["-V"]);
        assert!(version.starts_with(&format!("{program} ")), "{version}");
        assert_eq!(version, run(&["--version"]));
        assert!(run(&["-h"]).contains("Usage:"));
        assert!(run(&["--help"]).contains("Exit codes:"));
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let script = run(&["--completions", shell]);
            assert!(script.contains(program) && script.contains(flag), "{shell}");
        }
        let manual = run(&["--man"]);
        assert!(manual.contains(&format!(".TH {program}")), "{manual}");
        assert!(manual.contains("EXIT") || manual.contains("Exit codes"), "{manual}");
    }
    assert!(place.list(".").is_empty());
}

#[test]
fn a_dry_run_shows_the_settings_and_writes_nothing() {
    let place = Place::new();
    let ran = place.gan_train("--dry-run --epochs 77 --offline").ok();
    assert_eq!(ran.stdout, "");
    for word in ["77 of batch 128", "lr 0.002", "100-256-512-1024-784", "784-512-257-1"] {
        assert!(ran.stderr.contains(word), "{word:?} is not in {}", ran.stderr);
    }
    let ran = place.gan_train("--dry-run --json --quiet --out run").ok();
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.object()["training"]["epochs"], 10_000);
    assert!(place.list(".").is_empty());
}

#[test]
fn flags_override_the_file_which_overrides_the_recipe() {
    let place = Place::new();
    let file = "epochs = 5\nbatch = 4\nrecipe = 'listing'\nlr = 0.01\ngenerator-hidden = [9, 8]\n\
                sample_every = 2\noffline = true\n";
    place.write("my.toml", file);
    let object = place.gan_train("--config my.toml --batch 6 --dry-run --json").ok().object();
    let training = &object["training"];
    assert_eq!(training["batch"], 6, "the flag");
    assert_eq!(training["epochs"], 5, "the file");
    assert_eq!(training["sample_every"], 2, "the file, with an underscore");
    assert_eq!(training["lr"], 0.01, "the file before the recipe");
    assert_eq!(training["beta1"], 0.9, "the recipe before the default");
    assert_eq!(training["seed"], 0, "the default");
    assert_eq!(object["model"]["generator_hidden"], serde_json::json!([9, 8]));
}

#[test]
fn an_invalid_configuration_file_is_refused() {
    let place = Place::new();
    let fails = |text: &str, words: &[&str]| {
        place.write("my.toml", text);
        place.gan_train("--config my.toml --dry-run").fails(2, words);
    };
    fails("epoch = 5", &["my.toml", "\"epoch\"", "did you mean \"epochs\"?"]);
    fails("latnet = 5", &["my.toml", "did you mean \"latent\"?"]);
    fails("batch = 'many'", &["my.toml", "batch"]);
    fails("batch = 0", &["batch is 0"]);
    fails("dataset = 'cifar'", &["dataset", "cifar", "fashion-mnist"]);
    fails("epochs = ", &["my.toml", "line 1"]);
    place.gan_train("--config none.toml").fails(1, &["--config none.toml"]);
    assert_eq!(place.list("."), ["my.toml"]);
}

#[test]
fn older_names_of_flags_and_json_keys_still_work() {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    let help = place.run(GAN_EVAL, ["--help"]).ok().stdout;
    assert!(help.contains("--feature-extractor") && help.contains("[alias: --ruler]"), "{help}");
    let eval = format!("--checkpoint ckpt.mpk --count 100 --device {CPU} --json --quiet");
    let eval = |args: &str| place.run(GAN_EVAL, format!("{eval} {args}").split_whitespace());
    for flag in ["--feature-extractor", "--ruler"] {
        let ran = eval(&format!("--dataset synthetic {flag} none.ruler"));
        ran.fails(1, &["cannot read none.ruler"]);
    }
    let object = eval("").ok().object();
    assert_eq!(object["feature_extractor"]["name"], "mnist-1");
    assert_eq!(object["ruler"], object["feature_extractor"]);
    assert!(object["memorisation"]["median_ratio"].is_f64());
    assert_eq!(object["memory"], object["memorisation"]);

    let object = place.sample("--checkpoint ckpt.mpk --count 3 --json --out a.npy").ok().object();
    assert_eq!(object["samples"], 3);
    assert_eq!(object["pictures"], object["samples"]);

    let object = place.train("--epochs 1 --json --quiet --out run").ok().object();
    assert!(object["warnings"].is_array());
    assert_eq!(object["findings"], object["warnings"]);
}
