//! The memory and files of a long training.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::Duration;

use crate::util::{Place, number};

/// Resident memory of a process in KiB, and its number of open files.
fn taken(id: u32) -> Option<(u64, usize)> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let resident = resident.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((resident, fs::read_dir(format!("/proc/{id}/fd")).ok()?.count()))
}

/// `GAN_STEPS` is the number of steps; below 10 000 the allocator still grows, and the limit is
/// higher. The tests of `gan-train` count allocations exactly.
#[test]
#[expect(clippy::print_stdout, reason = "prints its measurements")]
fn a_long_training_uses_constant_memory_and_files_and_appends_its_rows() {
    let steps = number("GAN_STEPS", 3_000);
    let place = Place::new();
    // A checkpoint and a preview every hundredth step; a row every twentieth, as always.
    let plan = "--checkpoint-every 100 --sample-every 100 --quiet --no-report --out run";
    let mut run = place.start(&format!("--epochs {steps} {plan}"));
    let file = place.path("run/metrics.jsonl");
    let epoch = || place.rows("run").last().map_or(0, |row| row["epoch"].as_u64().unwrap());
    // The first half warms up the allocator.
    while epoch() < steps / 2 {
        assert!(!run.has_ended(), "{}", run.ended().stderr);
        thread::sleep(Duration::from_millis(20));
    }

    let (number, begun) = (fs::metadata(&file).unwrap().ino(), place.read("run/metrics.jsonl"));
    let warm = epoch();
    let (mut memory, mut files) = (Vec::new(), Vec::new());
    while !run.has_ended() {
        if let Some((resident, open)) = taken(run.id()) {
            memory.push(resident);
            files.push(open);
        }
        thread::sleep(Duration::from_millis(20));
    }
    run.ended().ok();
    assert_eq!(fs::metadata(&file).unwrap().ino(), number, "the file was replaced");
    let rows = place.read("run/metrics.jsonl");
    assert!(rows.starts_with(&begun), "earlier rows have changed");
    assert_eq!(place.rows("run").len() as u64, steps / 20, "a row every twentieth step");
    let longest = rows.split(|&byte| byte == b'\n').map(<[u8]>::len).max().unwrap();
    assert!(longest < 1_000, "rows grow: one has {longest} bytes");

    let part = memory.len().div_ceil(4);
    let middle = |some: &[u64]| {
        let mut some = some.to_vec();
        some.sort_unstable();
        some[some.len() / 2]
    };
    let (first, last) = (middle(&memory[..part]), middle(&memory[memory.len() - part..]));
    let (least, most) = (files.iter().min().unwrap(), files.iter().max().unwrap());
    println!(
        "steps {warm} to {steps}, measured {} times: resident {first} KiB at first, {last} KiB at \
         last, {} KiB at most; {least} to {most} files open; {} bytes of rows",
        memory.len(),
        memory.iter().max().unwrap(),
        rows.len()
    );
    let more = if steps < 10_000 { 1.2 } else { 1.02 };
    assert!(last as f64 <= first as f64 * more, "{first} KiB became {last} KiB");
    // One more while a file is written.
    assert!(most - least <= 2, "{least} to {most} files were open");
}
