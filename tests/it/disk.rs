//! A full disk: the old file stays, and the error names the path.
//!
//! It is simulated by a limit on the length of files, whose signal is ignored, so that writes fail.

use crate::sweeps::{self, GAN_SWEEP, assert_as_by_hand, base};
use crate::util::{CPU, GAN_SAMPLE, GAN_TRAIN, Place, Ran, trained};

/// Runs a program that can write files of at most `blocks` blocks, of 512 or 1024 bytes.
fn limited(place: &Place, blocks: u32, program: &str, args: &str) -> Ran {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let shell = ["-c", &script, program].into_iter();
    place.run("sh", shell.chain(args.split_whitespace()))
}

#[test]
fn a_failed_write_keeps_the_old_checkpoint() {
    let place = Place::new();
    place.train("--epochs 20 --quiet --out run").ok();
    let (before, mut names) = (place.read("run/ckpt.mpk"), place.list("run"));
    assert!(before.len() > 200 * 1024, "larger than the limit");

    let args = format!("--resume run --epochs 40 --device {CPU}");
    let ran = limited(&place, 100, GAN_TRAIN, &args);
    ran.fails(1, &["cannot write run/ckpt.mpk"]);
    assert!(place.read("run/ckpt.mpk") == before, "the old checkpoint is unchanged");
    // It deleted the earlier outcome and wrote none.
    names.retain(|name| name != "outcome.json");
    assert_eq!(place.list("run"), names, "no incomplete file is left");

    // Without the limit it can be resumed.
    place.resume("run", "--epochs 40 --quiet").ok();
    place.train("--epochs 40 --quiet --out uninterrupted").ok();
    assert_eq!(place.read("run/ckpt.mpk"), place.read("uninterrupted/ckpt.mpk"));
    assert_eq!(place.rows("run"), place.rows("uninterrupted"));
}

#[test]
fn a_run_that_cannot_start_names_the_file() {
    let place = Place::new();
    let args = "--dataset synthetic --epochs 1 --out run --json";
    let ran = limited(&place, 10, GAN_TRAIN, args).fails(1, &["cannot write run/reals.png"]);
    assert_eq!(ran.object()["outcome"], "failed");
    assert!(!ran.stderr.contains("last good checkpoint"), "there is none: {}", ran.stderr);
}

#[test]
fn a_failed_write_keeps_the_old_samples() {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    for out in ["all.npy", "all.png", "all.gif"] {
        place.sample(&format!("--checkpoint ckpt.mpk --count 1 --out {out}")).ok();
        let before = place.read(out);
        let args = format!("--checkpoint ckpt.mpk --count 1000 --out {out} --device {CPU}");
        limited(&place, 20, GAN_SAMPLE, &args).fails(1, &[&format!("cannot write {out}")]);
        assert!(place.read(out) == before, "{out} is unchanged");
    }
    assert_eq!(place.list("."), ["all.gif", "all.npy", "all.png", "ckpt.mpk"]);
}

#[test]
fn an_evaluation_whose_files_cannot_be_written_is_shown() {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    let what = "--checkpoint ckpt.mpk --count 100 --json --quiet";
    let args = format!("{what} --pairs closest.png --features seen --device {CPU}");
    let ran = limited(&place, 10, env!("CARGO_BIN_EXE_gan-eval"), &args);
    let ran = ran.fails(1, &["cannot write --pairs closest.png"]);
    assert_eq!(ran.object()["measures"]["count"], 100);
    assert_eq!(place.list("."), ["ckpt.mpk"], "no incomplete file is left");
}

#[test]
fn a_sweep_on_a_full_disk_names_the_file_and_continues_later() {
    let text = format!("seeds = [0, 1]\n{}epochs = 40\n", base());
    let place = sweeps::place(&text);
    let ran = limited(&place, 12, GAN_SWEEP, "s.toml --jobs 1");
    let ran = ran.fails(1, &["trial_seed-0", "cannot write", "tries them again"]);
    assert!(ran.stderr.contains("it will be tried again"), "{}", ran.stderr);
    let later = sweeps::sweep(&place, "sweeps/s").ok();
    assert_as_by_hand(&place, "sweeps/s", &later.stderr);
}
