//! A disk that is full: the old file stays, the error names the path.
//!
//! A limit on the length of files stands in for the disk; its signal is ignored, so that
//! writes fail as they do on a full one.

use crate::util::{CPU, GAN_SAMPLE, GAN_TRAIN, Place, Ran, trained};

/// A program that can write files of at most `blocks` blocks, of 512 or 1024 bytes.
fn limited(place: &Place, blocks: u32, program: &str, args: &str) -> Ran {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let shell = ["-c", &script, program].into_iter();
    place.run("sh", shell.chain(args.split_whitespace()))
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_old_one() {
    let place = Place::new();
    place.train("--epochs 20 --quiet --out run").ok();
    let (before, mut names) = (place.read("run/ckpt.mpk"), place.list("run"));
    assert!(before.len() > 200 * 1024, "larger than the limit");

    let args = format!("--resume run --epochs 40 --device {CPU}");
    let ran = limited(&place, 100, GAN_TRAIN, &args);
    ran.fails(1, &["cannot write run/ckpt.mpk"]);
    assert!(place.read("run/ckpt.mpk") == before, "the old checkpoint is as it was");
    // It took the earlier ending back, and had no last word of its own.
    names.retain(|name| name != "outcome.json");
    assert_eq!(place.list("run"), names, "no half of a file is left");

    // With room again, nothing was lost.
    place.resume("run", "--epochs 40 --quiet").ok();
    place.train("--epochs 40 --quiet --out whole").ok();
    assert_eq!(place.read("run/ckpt.mpk"), place.read("whole/ckpt.mpk"));
    assert_eq!(place.rows("run"), place.rows("whole"));
}

#[test]
fn a_run_that_cannot_begin_names_the_file() {
    let place = Place::new();
    let args = "--dataset synthetic --epochs 1 --out run --json";
    let ran = limited(&place, 10, GAN_TRAIN, args).fails(1, &["cannot write run/reals.png"]);
    assert_eq!(ran.object()["outcome"], "failed");
    assert!(!ran.stderr.contains("last good checkpoint"), "there is none: {}", ran.stderr);
}

#[test]
fn pictures_that_cannot_be_written_leave_the_old_file() {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    for out in ["all.npy", "all.png", "all.gif"] {
        place.sample(&format!("--checkpoint ckpt.mpk --count 1 --out {out}")).ok();
        let before = place.read(out);
        let args = format!("--checkpoint ckpt.mpk --count 1000 --out {out} --device {CPU}");
        limited(&place, 20, GAN_SAMPLE, &args).fails(1, &[&format!("cannot write {out}")]);
        assert!(place.read(out) == before, "{out} is as it was");
    }
    assert_eq!(place.list("."), ["all.gif", "all.npy", "all.png", "ckpt.mpk"]);
}
