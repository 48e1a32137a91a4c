//! Each system call that writes a run fails, or kills the process.
//!
//! `failing.c`, loaded before the C library, makes one call fail at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crate::util::{Place, Running, number};
use crate::whole::{Undisturbed, read_whole};

const PLAN: &str = "--epochs 2 --sample-every 2 --checkpoint-every 1 --quiet --out";
/// One that has not finished when it is interrupted.
const LONGER: &str = "--epochs 9 --sample-every 9 --checkpoint-every 1 --quiet --out";
const EIO: &str = "5";
const ENOSPC: &str = "28";

/// A system call that the library intercepted.
#[derive(Debug)]
struct Call {
    number: usize,
    name: String,
    /// The final name of a file.
    path: PathBuf,
    chosen: bool,
}

/// Compiles a C file; `None` without a compiler.
#[expect(clippy::print_stderr, reason = "a skipped test reports it")]
pub(crate) fn compiled(source: &str, flags: &[&str]) -> Option<PathBuf> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(source);
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{source}.out"));
    // Another process may be using the existing file.
    let new = to.with_extension(format!("{}", std::process::id()));
    match Command::new("cc").args(flags).arg("-o").args([&new, &from]).status() {
        Ok(status) => {
            assert!(status.success(), "cc cannot compile {}", from.display());
            fs::rename(new, &to).unwrap();
            Some(to)
        }
        Err(error) => {
            eprintln!("skipped, no C compiler: {error}");
            None
        }
    }
}

fn library() -> Option<&'static PathBuf> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY.get_or_init(|| compiled("failing.c", &["-shared", "-fPIC", "-O1", "-ldl"])).as_ref()
}

/// Starts a training whose call number `at` on `run` fails in the way `how`; 0 is none.
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
        let temporary = file.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
        let file_name = temporary.and_then(|name| name.rsplit_once('.')).map_or(file, |(n, _)| n);
        Call {
            number: number.trim_end_matches('!').parse().unwrap(),
            name: name.into(),
            path: Path::new(path).with_file_name(file_name),
            chosen: number.ends_with('!'),
        }
    };
    text.lines().map(call).collect()
}

/// With `GAN_FAULTS=1` every call fails in every way, otherwise each kind of call once.
#[test]
#[expect(clippy::print_stdout, reason = "prints its counts")]
fn any_failed_system_call_can_be_recovered_from() {
    let Some(library) = library() else { return };
    let place = Place::new();
    place.train(&format!("{PLAN} uninterrupted")).ok();
    let undisturbed = Undisturbed::like(&place, "uninterrupted");
    let plan = format!("{PLAN} run");
    failing(&place, library, &plan, 0, EIO).ended().ok();
    undisturbed.assert_done(&place, "run");
    let all = calls(&place);
    assert!(all.len() > 50 && all.iter().any(|call| call.name == "rename"), "{all:?}");

    assert_durable(&all);

    let mut failures = 0;
    for call in &all {
        let later = |other: &&Call| other.number > call.number;
        let same = |other: &Call| other.name == call.name && other.path == call.path;
        let short = (call.name == "write").then_some("short");
        let ways: Vec<&str> = if number("GAN_FAULTS", 0) > 0 {
            [EIO, ENOSPC, "kill"].into_iter().chain(short).collect()
        } else if all.iter().filter(later).any(same) {
            continue;
        } else {
            [[EIO, ENOSPC, "kill"][call.number % 3]].into_iter().chain(short).collect()
        };
        for how in ways {
            fs::remove_dir_all(place.path("run")).unwrap();
            fails_and_resumes(&place, library, &undisturbed, call, how);
            failures += 1;
        }
    }
    println!("{failures} failures in {} system calls, nothing lost", all.len());
}

/// Asserts what a power cut needs: files are synced before they are renamed, the rename before
/// anything else, and metrics before the checkpoint.
fn assert_durable(all: &[Call]) {
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

/// A new training in which `call` fails: checks its files, and resumes it.
fn fails_and_resumes(
    place: &Place,
    library: &Path,
    uninterrupted: &Undisturbed,
    call: &Call,
    how: &str,
) {
    let ran = failing(place, library, &format!("{PLAN} run"), call.number, how).ended();
    let what = format!("{call:?}, {how}: {}", ran.stderr);
    let made = calls(place);
    let chosen = made.iter().find(|call| call.chosen).expect("the call was made");
    assert_eq!((&chosen.name, &chosen.path), (&call.name, &call.path), "{what}");
    match ran.code {
        None => assert_eq!(how, "kill", "{what}"),
        // The failure did not matter, as for a folder that exists.
        Some(0) => uninterrupted.assert_done(place, "run"),
        _ => {
            let named = match call.path.file_name().unwrap().to_str().unwrap() {
                "run" | "samples" => "run",
                name => name,
            };
            ran.fails(1, &["cannot ", "run", named]);
        }
    }
    let done = uninterrupted.assert_part(place, "run");
    match done {
        Some(_) => place.resume("run", "--quiet").ok(),
        None => place.train(&format!("{PLAN} run")).ok(),
    };
    uninterrupted.assert_done(place, "run");
}

/// A training that waits while writing its second checkpoint until `go` exists, in a place with the
/// run `uninterrupted`.
fn writing(place: &Place, library: &Path) -> Running {
    place.train(&format!("{LONGER} uninterrupted")).ok();
    failing(place, library, &format!("{LONGER} run"), 0, "wait").ended().ok();
    let syncs = |call: &&Call| call.name == "fsync" && call.path.ends_with("ckpt.mpk");
    let second = calls(place).iter().filter(syncs).nth(1).unwrap().number;
    fs::remove_dir_all(place.path("run")).unwrap();
    let mut run = failing(place, library, &format!("{LONGER} run"), second, "wait");
    run.until(|| calls(place).iter().any(|call| call.chosen));
    assert_eq!(read_whole(&place.path("run/ckpt.mpk")), 0, "the old one is intact");
    run
}

#[test]
fn sigterm_while_saving_lets_the_checkpoint_be_written() {
    let Some(library) = library() else { return };
    let place = Place::new();
    let run = writing(&place, library);
    run.send("TERM");
    place.write("go", "");
    let ran = run.ended();
    assert_eq!(ran.code, Some(143), "{}", ran.stderr);
    // The one that was being written, or a later one for the signal.
    assert!(read_whole(&place.path("run/ckpt.mpk")) >= 1);
    place.resume("run", "--quiet").ok();
    place.assert_same_run("run", "uninterrupted");
}

#[test]
fn a_second_ctrl_c_exits_at_once_and_keeps_the_old_checkpoint() {
    let Some(library) = library() else { return };
    let place = Place::new();
    let mut run = writing(&place, library);
    run.send("INT");
    // It still writes, since `go` does not exist.
    thread::sleep(Duration::from_millis(100));
    assert!(!run.has_ended());
    let ran = run.signal("INT");
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert_eq!(read_whole(&place.path("run/ckpt.mpk")), 0);
    place.resume("run", "--quiet").ok();
    place.assert_same_run("run", "uninterrupted");
    assert_eq!(place.list("run"), place.list("uninterrupted"), "no incomplete file is left");
}

#[test]
fn a_run_continued_by_another_process_is_not_rewound() {
    let Some(library) = library() else { return };
    let place = Place::new();
    place.train("--epochs 9 --stop-after 2 --quiet --out run").ok();
    // `late` has read the checkpoint, and takes the lock when the other has ended.
    let mut late = failing(&place, library, "--resume run --quiet", 1, "wait");
    late.until(|| calls(&place).iter().any(|call| call.chosen));
    assert!(calls(&place)[0].path.ends_with(".lock"));
    place.resume("run", "--epochs 20 --quiet").ok();
    let (checkpoint, rows) = (place.read("run/ckpt.mpk"), place.rows("run"));
    place.write("go", "");
    late.ended().fails(1, &["another gan-train has just continued run/ckpt.mpk"]);
    assert!(place.read("run/ckpt.mpk") == checkpoint, "nothing is rewound");
    assert_eq!(place.rows("run"), rows);
}
