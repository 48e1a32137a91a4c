//! Every system call with which a run is written, failing or never coming back.
//!
//! `failing.c`, put before the C library, makes one of them go wrong; then the next one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crate::util::{Place, Running, number};
use crate::whole::{Undisturbed, read_whole};

const PLAN: &str = "--epochs 2 --sample-every 2 --checkpoint-every 1 --quiet --out";
/// One that is not over when it is told to stop.
const LONGER: &str = "--epochs 9 --sample-every 9 --checkpoint-every 1 --quiet --out";
const EIO: &str = "5";
const ENOSPC: &str = "28";

/// A system call as the library in between saw it.
#[derive(Debug)]
struct Call {
    number: usize,
    name: String,
    /// Of a file: what it will be called when it is whole.
    path: PathBuf,
    chosen: bool,
}

/// A program that is made of one C file, or nothing where there is no compiler.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn compiled(source: &str, flags: &[&str]) -> Option<PathBuf> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(source);
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{source}.out"));
    // Another process may run the one that is there.
    let new = to.with_extension(format!("{}", std::process::id()));
    match Command::new("cc").args(flags).arg("-o").args([&new, &from]).status() {
        Ok(status) => {
            assert!(status.success(), "cc cannot compile {}", from.display());
            fs::rename(new, &to).unwrap();
            Some(to)
        }
        Err(error) => {
            eprintln!("skipped, for want of a C compiler: {error}");
            None
        }
    }
}

fn library() -> Option<&'static PathBuf> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY.get_or_init(|| compiled("failing.c", &["-shared", "-fPIC", "-O1", "-ldl"])).as_ref()
}

/// Starts a training whose call `at` under `run` goes wrong as `how` says; 0 is none.
fn failing(place: &Place, library: &Path, args: &str, at: usize, how: &str) -> Running {
    let root = place.path("").canonicalize().unwrap();
    let text = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let _ = fs::remove_file(root.join("calls"));
    place.start_with(
        args,
        &[
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAIL_UNDER", &text("run")),
            ("FAIL_LOG", &text("calls")),
            ("FAIL_UNTIL", &text("go")),
            ("FAIL_AT", &at.to_string()),
            ("FAIL_HOW", how),
        ],
    )
}

/// The calls so far.
fn calls(place: &Place) -> Vec<Call> {
    let text = fs::read_to_string(place.path("calls")).unwrap_or_default();
    let call = |line: &str| {
        let [number, name, path] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
        let file = Path::new(path).file_name().unwrap().to_str().unwrap();
        let whole = file.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
        let whole = whole.and_then(|name| name.rsplit_once('.')).map_or(file, |(name, _)| name);
        Call {
            number: number.trim_end_matches('!').parse().unwrap(),
            name: name.into(),
            path: Path::new(path).with_file_name(whole),
            chosen: number.ends_with('!'),
        }
    };
    text.lines().map(call).collect()
}

/// `GAN_FAULTS=1` takes every call in every way; else each kind of call goes wrong once.
#[test]
#[expect(clippy::print_stdout, reason = "what was measured")]
fn whatever_system_call_fails_a_run_goes_on_to_what_an_undisturbed_one_leaves() {
    let Some(library) = library() else { return };
    let place = Place::new();
    place.train(&format!("{PLAN} whole")).ok();
    let undisturbed = Undisturbed::like(&place, "whole");
    let plan = format!("{PLAN} run");
    failing(&place, library, &plan, 0, EIO).ended().ok();
    undisturbed.assert_done(&place, "run");
    let all = calls(&place);
    assert!(all.len() > 50 && all.iter().any(|call| call.name == "rename"), "{all:?}");

    assert_lasting(&all);

    let mut failures = 0;
    for call in &all {
        let later = |other: &&Call| other.number > call.number;
        let again = |other: &Call| other.name == call.name && other.path == call.path;
        let short = (call.name == "write").then_some("short");
        let ways: Vec<&str> = if number("GAN_FAULTS", 0) > 0 {
            [EIO, ENOSPC, "kill"].into_iter().chain(short).collect()
        } else if all.iter().filter(later).any(again) {
            continue;
        } else {
            [[EIO, ENOSPC, "kill"][call.number % 3]].into_iter().chain(short).collect()
        };
        for how in ways {
            fs::remove_dir_all(place.path("run")).unwrap();
            goes_wrong(&place, library, &undisturbed, call, how);
            failures += 1;
        }
    }
    println!("{failures} failures in {} system calls, nothing lost", all.len());
}

/// That a file is on the disk before it gets its name, its name before anything else happens, and
/// the rows before the checkpoint that has seen them: what a power cut needs.
fn assert_lasting(all: &[Call]) {
    let mut unsynced_rows = false;
    for (at, call) in all.iter().enumerate() {
        let rows = call.path.ends_with("metrics.jsonl");
        match call.name.as_str() {
            "write" if rows => unsynced_rows = true,
            "fdatasync" if rows => unsynced_rows = false,
            "rename" => {
                assert!(!(unsynced_rows && call.path.ends_with("ckpt.mpk")), "{call:?}");
                let [before, _, after] = [&all[at - 1], &all[at + 1], &all[at + 2]];
                assert_eq!((&*before.name, &before.path), ("fsync", &call.path), "{call:?}");
                let folder = call.path.parent();
                assert_eq!((&*after.name, Some(&*after.path)), ("fsync", folder), "{call:?}");
            }
            _ => {}
        }
    }
}

/// A new training in which `call` goes wrong, what it leaves, and how it goes on.
fn goes_wrong(place: &Place, library: &Path, whole: &Undisturbed, call: &Call, how: &str) {
    let ran = failing(place, library, &format!("{PLAN} run"), call.number, how).ended();
    let what = format!("{call:?}, {how}: {}", ran.stderr);
    let seen = calls(place);
    let chosen = seen.iter().find(|seen| seen.chosen).expect("the call was made");
    assert_eq!((&chosen.name, &chosen.path), (&call.name, &call.path), "{what}");
    match ran.code {
        None => assert_eq!(how, "kill", "{what}"),
        // As with a folder that need not be made, for it is there.
        Some(0) => whole.assert_done(place, "run"),
        _ => {
            let named = match call.path.file_name().unwrap().to_str().unwrap() {
                "run" | "samples" => "run",
                name => name,
            };
            ran.fails(1, &["cannot ", "run", named]);
        }
    }
    let done = whole.assert_part(place, "run");
    match done {
        Some(_) => place.resume("run", "--quiet").ok(),
        None => place.train(&format!("{PLAN} run")).ok(),
    };
    whole.assert_done(place, "run");
}

/// A training that waits in the writing of its second checkpoint until `go` is there, in a place
/// with `whole`, which nobody disturbed.
fn writing(place: &Place, library: &Path) -> Running {
    place.train(&format!("{LONGER} whole")).ok();
    failing(place, library, &format!("{LONGER} run"), 0, "wait").ended().ok();
    let syncs = |call: &&Call| call.name == "fsync" && call.path.ends_with("ckpt.mpk");
    let second = calls(place).iter().filter(syncs).nth(1).unwrap().number;
    fs::remove_dir_all(place.path("run")).unwrap();
    let mut run = failing(place, library, &format!("{LONGER} run"), second, "wait");
    run.until(|| calls(place).iter().any(|call| call.chosen));
    assert_eq!(read_whole(&place.path("run/ckpt.mpk")), 0, "the old one is there");
    run
}

#[test]
fn sigterm_during_the_writing_of_a_checkpoint_lets_it_be_written() {
    let Some(library) = library() else { return };
    let place = Place::new();
    let run = writing(&place, library);
    run.send("TERM");
    place.write("go", "");
    let ran = run.ended();
    assert_eq!(ran.code, Some(143), "{}", ran.stderr);
    // The one that was being written, or that of the step in which it heard of the signal.
    assert!(read_whole(&place.path("run/ckpt.mpk")) >= 1);
    place.resume("run", "--quiet").ok();
    place.assert_same_run("run", "whole");
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_the_old_checkpoint_is_there() {
    let Some(library) = library() else { return };
    let place = Place::new();
    let mut run = writing(&place, library);
    run.send("INT");
    // It still writes: nobody has said `go`.
    thread::sleep(Duration::from_millis(100));
    assert!(!run.has_ended());
    let ran = run.signal("INT");
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert_eq!(read_whole(&place.path("run/ckpt.mpk")), 0);
    place.resume("run", "--quiet").ok();
    place.assert_same_run("run", "whole");
    assert_eq!(place.list("run"), place.list("whole"), "nothing torn is left");
}

#[test]
fn a_run_that_another_training_went_on_with_in_the_meantime_is_not_taken_back() {
    let Some(library) = library() else { return };
    let place = Place::new();
    place.train("--epochs 9 --stop-after 2 --quiet --out run").ok();
    // The late one has read the checkpoint, and comes to the lock when the other is through.
    let mut late = failing(&place, library, "--resume run --quiet", 1, "wait");
    late.until(|| calls(&place).iter().any(|call| call.chosen));
    assert!(calls(&place)[0].path.ends_with(".lock"));
    place.resume("run", "--epochs 20 --quiet").ok();
    let (checkpoint, rows) = (place.read("run/ckpt.mpk"), place.rows("run"));
    place.write("go", "");
    late.ended().fails(1, &["another gan-train has just gone on with run/ckpt.mpk"]);
    assert!(place.read("run/ckpt.mpk") == checkpoint, "nothing was taken back");
    assert_eq!(place.rows("run"), rows);
}
