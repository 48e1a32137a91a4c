//! Huge numbers: an error that names the flag, or bounded memory. Each program here may address
//! 4 GiB, so that a larger allocation would end it.

use crate::util::{CPU, GAN_SAMPLE, GAN_TRAIN, Place, Ran, SMALL, trained};

const GAN_EVAL: &str = env!("CARGO_BIN_EXE_gan-eval");
const MAX: &str = "18446744073709551615";

/// Runs a program that may address 4 GiB.
fn bounded(place: &Place, program: &str, args: &str) -> Ran {
    let limit = "ulimit -v 4194304 && exec \"$0\" \"$@\"";
    let args = ["-c", limit, program].into_iter().chain(args.split_whitespace());
    place.run("sh", args)
}

#[test]
fn huge_settings_are_refused_by_flag() {
    let place = Place::new();
    let wide = ["65536"; 3].join(",");
    for (args, flag) in [
        ("--lr 1e9", "--lr"),
        ("--d-lr 1e300", "--d-lr"),
        ("--batch 10000000", "--batch"),
        ("--batch 18446744073709551615", "--batch"),
        ("--epochs 18446744073709551615", "--epochs"),
        ("--latent 1000000000", "--latent"),
        ("--generator-hidden 1000000000", "--generator-hidden"),
        ("--discriminator-hidden 18446744073709551615,1", "--discriminator-hidden"),
        (&format!("--generator-hidden {wide}"), "number of weights is"),
        (&format!("--generator-hidden {}", ["1"; 1_000].join(",")), "1000 layers"),
        ("--pack 18446744073709551615", "--pack"),
        ("--minibatch-stddev 18446744073709551615", "--minibatch-stddev"),
        ("--d-steps 18446744073709551615", "--d-steps"),
        ("--d-steps 1000 --batch 65536", "--d-steps"),
        ("--penalty-every 18446744073709551615", "--penalty-every"),
        ("--threads 1000000", "--threads"),
        ("--eval-every 1 --eval-count 10000000000", "--eval-count"),
        ("--r1 1e300", "--r1"),
        ("--clip 1e300", "--clip"),
        ("--instance-noise 1e300", "--instance-noise"),
        ("--ema-half-life 1e300", "--ema-half-life"),
        // Each is in its range, but not all together.
        ("--batch 65536 --latent 65536 --recipe plain", "--batch"),
        ("--batch 65536 --discriminator-hidden 65536 --recipe plain", "--batch"),
        ("--batch 128 --d-steps 1000 --latent 65536", "--batch"),
    ] {
        let args = format!("--dataset synthetic --device {CPU} --out run {args}");
        bounded(&place, GAN_TRAIN, &args).fails(2, &[flag]);
    }
    assert!(place.list(".").is_empty());
}

#[test]
fn huge_settings_in_a_configuration_file_are_refused() {
    let place = Place::new();
    for (text, word) in [
        ("batch = 9223372036854775807", "--batch"),
        ("lr = 1e9", "--lr"),
        ("lr = inf", "my.toml: lr: "),
        ("threads = 1000000", "--threads"),
        ("generator-hidden = [1000000000]", "--generator-hidden"),
    ] {
        place.write("my.toml", text);
        let args = format!("--dataset synthetic --device {CPU} --out run --config my.toml");
        bounded(&place, GAN_TRAIN, &args).fails(2, &[word]);
    }
    assert_eq!(place.list("."), ["my.toml"]);
}

#[test]
fn seeds_and_intervals_may_be_of_any_size() {
    let place = Place::new();
    let every = format!("--sample-every {MAX} --checkpoint-every {MAX} --eval-every {MAX}");
    let flags = format!("{every} --seed {MAX} --stop-after 2 --threads 2 --recipe plain");
    let args = format!("--dataset synthetic --device {CPU} {SMALL} --batch 8 {flags} --out run");
    bounded(&place, GAN_TRAIN, &args).ok();
    let args = format!("--checkpoint run --device {CPU} --seed {MAX} --out row.png");
    bounded(&place, GAN_SAMPLE, &args).ok();
}

#[test]
fn huge_numbers_of_samples_are_refused() {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    for out in ["all.npy", "all.png", "all.gif", "all"] {
        for (args, code, word) in [
            ("--count 10000000000", 2, "--count"),
            ("--count 18446744073709551615", 2, "--count"),
            ("--columns 18446744073709551615", 2, "--columns"),
            ("--scale 1000000000", 2, "--scale"),
            ("--interpolate 10000000000", 2, "--interpolate"),
            ("--threads 1000000", 2, "--threads"),
        ] {
            let args = format!("--checkpoint ckpt.mpk --device {CPU} --out {out} {args}");
            bounded(&place, GAN_SAMPLE, &args).fails(code, &[word]);
        }
    }
    for args in [
        "--count 4294967295 --out all.png",
        "--count 1000 --columns 1000 --scale 1000 --out all.png",
        "--count 2 --scale 1024 --out all.gif",
        "--interpolate 1024 --count 1024 --out all.png",
    ] {
        let args = format!("--checkpoint ckpt.mpk --device {CPU} {args}");
        bounded(&place, GAN_SAMPLE, &args).fails(1, &["too large", "at most 268435456 pixels"]);
    }
    for args in ["--count 10000000000", "--count 18446744073709551615", "--threads 1000000"] {
        let all = format!("--checkpoint ckpt.mpk --device {CPU} --dataset synthetic {args}");
        let flag = args.split(' ').next().unwrap();
        bounded(&place, GAN_EVAL, &all).fails(2, &[flag]);
    }
    assert_eq!(place.list("."), ["ckpt.mpk"]);
}
