//! Closed stdout and stderr, and a closed terminal.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::util::{CPU, GAN_TRAIN, Place, SMALL, trained};
use crate::whole::read_whole;

#[test]
fn a_closed_stdout_is_an_error_after_saving() {
    let place = Place::new();
    let mut run = place.start("--epochs 20 --quiet --json --out run");
    run.close_streams(true, false);
    run.ended().fails(1, &["cannot write to stdout"]);
    assert_eq!(read_whole(&place.path("run/ckpt.mpk")), 20);
}

#[test]
fn the_exit_code_of_a_signal_wins_over_a_closed_stdout() {
    let place = Place::new();
    let mut run = place.start("--epochs 1000000 --quiet --json --out run");
    run.close_streams(true, true);
    run.until(|| !place.rows("run").is_empty());
    assert_eq!(run.signal("TERM").code, Some(143));
    assert!(read_whole(&place.path("run/ckpt.mpk")) >= 20);
}

#[test]
fn a_closed_stderr_does_not_stop_a_training() {
    let place = Place::new();
    let mut run = place.start("--epochs 20 --sample-every 1 --out run");
    run.close_streams(false, true);
    assert_eq!(run.ended().code, Some(0));
    assert_eq!(read_whole(&place.path("run/ckpt.mpk")), 20);
}

#[test]
fn a_closed_pipe_does_not_panic() {
    let place = Place::new();
    place.write("ckpt.mpk", trained());
    let sample = env!("CARGO_BIN_EXE_gan-sample");
    let eval = env!("CARGO_BIN_EXE_gan-eval");
    for (program, args) in [
        (GAN_TRAIN, "--man"),
        (GAN_TRAIN, "--completions bash"),
        (GAN_TRAIN, "--dry-run --json --offline --dataset synthetic"),
        (sample, "--checkpoint ckpt.mpk --json --out a.png"),
        (sample, "--checkpoint ckpt.mpk --out b.png"),
        (eval, "--help"),
    ] {
        // Nothing reads the pipe.
        let script = format!("( trap '' PIPE; {program} {args} 2>err; echo $? >code ) | true");
        place.run("sh", ["-c", &script]);
        let (code, err) = (place.read("code"), place.read("err"));
        let [code, err] = [code, err].map(|bytes| String::from_utf8(bytes).unwrap());
        assert!(["0\n", "1\n"].contains(&&*code), "{program} {args}: {code} {err}");
        assert!(!err.contains("panicked"), "{program} {args}: {err}");
        assert!(code == "0\n" || err.contains("error: "), "{program} {args}: {err}");
        fs::remove_file(place.path("code")).unwrap();
    }
    // Only the first byte is read; the samples are written.
    let script = format!("{sample} --checkpoint ckpt.mpk --out c.png --device {CPU} | head -c 1");
    assert_eq!(place.run("sh", ["-c", &script]).stdout, "c");
    assert!(image::open(place.path("c.png")).is_ok());
}

/// A training whose terminal closes after the first rows.
#[cfg(target_os = "linux")]
fn closed_terminal(how: &str, epochs: u32) -> Option<(Place, i32)> {
    static TERMINAL: OnceLock<Option<PathBuf>> = OnceLock::new();
    let compiled = || crate::faults::compiled("terminal.c", &["-O1"]);
    let terminal = TERMINAL.get_or_init(compiled).as_ref()?;
    let place = Place::new();
    let args = format!(
        "run/samples/epoch-000020.png {how} {GAN_TRAIN} --dataset synthetic --device {CPU} {SMALL} \
         --batch 16 --recipe plain --eval-every 0 --epochs {epochs} --sample-every 10 --json \
         --checkpoint-every 1000000 --out run"
    );
    let ran = place.run(terminal.to_str().unwrap(), args.split_whitespace());
    Some((place, ran.code.unwrap()))
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_terminal_saves_like_ctrl_c() {
    let Some((place, code)) = closed_terminal("hup", 1_000_000) else { return };
    assert_eq!(code, 129);
    let done = read_whole(&place.path("run/ckpt.mpk"));
    assert!(done >= 20, "only {done} epochs were saved");
    place.resume("run", &format!("--epochs {} --quiet", done + 5)).ok();
    let plan = format!("--epochs {} --sample-every 10 --quiet --out uninterrupted", done + 5);
    place.train(&plan).ok();
    assert_eq!(place.rows("run"), place.rows("uninterrupted"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_training_under_nohup_survives_its_terminal() {
    let Some((place, code)) = closed_terminal("nohup", 2000) else { return };
    assert_eq!(read_whole(&place.path("run/ckpt.mpk")), 2000);
    // Its JSON could not be printed.
    assert_eq!(code, 1);
    assert_eq!(place.rows("run").last().unwrap()["epoch"], 2000);
}
