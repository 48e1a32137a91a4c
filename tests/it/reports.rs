//! `gan-report`, `gan-runs`, and the report and animation that a training writes.

use std::io::Cursor;

use image::AnimationDecoder;
use image::codecs::gif::GifDecoder;
use serde_json::Value;

use crate::util::{CPU, Place, Ran};

pub(crate) const GAN_REPORT: &str = env!("CARGO_BIN_EXE_gan-report");
pub(crate) const GAN_RUNS: &str = env!("CARGO_BIN_EXE_gan-runs");

fn gan_report(place: &Place, args: &str) -> Ran {
    place.run(GAN_REPORT, args.split_whitespace())
}

/// The runs in `folder`, as listed by `gan-runs`.
fn listed(place: &Place, folder: &str) -> Vec<Value> {
    let object = place.run(GAN_RUNS, [folder, "--json"]).ok().object();
    object["runs"].as_array().unwrap().clone()
}

/// The text of a page. Asserts that it loads nothing external.
#[track_caller]
fn page(place: &Place, name: &str) -> String {
    let page = String::from_utf8(place.read(name)).unwrap();
    for external in ["http:", "https:", "file:", "<script", "<link", "url(", "@import"] {
        assert!(!page.contains(external), "{external} in {name}");
    }
    for part in page.split("src=\"").skip(1) {
        assert!(part.starts_with("data:image/png;base64,"), "{part:.60}");
    }
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    page
}

#[test]
fn a_training_writes_a_report_and_an_animation() {
    let place = Place::new();
    let ran = place.train("--epochs 60 --sample-every 20 --json --out run").ok();
    let object = ran.object();
    assert_eq!(object["report"], "run/report.html");
    assert_eq!(object["animation"], "run/training.gif");
    let lines: Vec<_> =
        ran.stderr.lines().filter(|line| line.contains("report and animation")).collect();
    assert_eq!(lines, ["report and animation of the run: run/report.html  run/training.gif"]);

    let page = page(&place, "run/report.html");
    for part in ["state done", "60 of 60", "synthetic", "D(real)", "loss (nats)", "epoch 40"] {
        assert!(page.contains(part), "{part} is not in the report");
    }
    // The latest preview, the real images, and four previews.
    assert_eq!(page.matches("<img").count(), 6);

    let gif = GifDecoder::new(Cursor::new(place.read("run/training.gif"))).unwrap();
    let frames = gif.into_frames().collect_frames().unwrap();
    let delays: Vec<u32> = frames.iter().map(|frame| frame.delay().numer_denom_ms().0).collect();
    assert_eq!(delays, [1000, 1000, 1000, 4000]);
    let row = crate::util::read_image(&place.path("run/samples/epoch-000060.png"));
    let last = frames[3].buffer();
    assert_eq!(last.width(), 3 * row.width());
    for (x, y, pixel) in row.enumerate_pixels() {
        assert_eq!(last.get_pixel(3 * x + 1, 3 * y + 1)[0], pixel[0], "{x} {y}");
    }
}

#[test]
fn no_report_is_written_if_it_is_disabled() {
    let place = Place::new();
    let ran = place.train("--epochs 20 --no-report --json --out run").ok();
    let object = ran.object();
    assert!(object["report"].is_null() && object["animation"].is_null(), "{object}");
    assert!(!ran.stderr.contains("report and animation"), "{}", ran.stderr);
    let files = place.list("run");
    assert!(!files.iter().any(|name| name.contains("report") || name.contains("gif")), "{files:?}");
    assert!(files.contains(&"outcome.json".into()), "{files:?}");
}

#[test]
fn a_training_succeeds_if_its_report_cannot_be_written() {
    let place = Place::new();
    place.train("--epochs 20 --stop-after 10 --no-report --quiet --out run").ok();
    place.write("run/report.html", "my own page");
    let ran = place.resume("run", "--quiet").ok();
    assert!(
        ran.stderr.contains("warning: no report of the run: run/report.html"),
        "{}",
        ran.stderr
    );
    assert_eq!(place.read("run/report.html"), b"my own page");
    assert!(place.path("run/training.gif").exists(), "the animation is written");
}

#[test]
fn the_report_of_a_diverged_run_names_the_divergence() {
    let place = Place::new();
    let hidden = ["512"; 16].join(",");
    let sizes = format!("--latent 8 --generator-hidden 32 --discriminator-hidden {hidden}");
    let how = "--recipe plain --batch 4 --lr 10 --sample-every 1 --checkpoint-every 1";
    let args = format!("--dataset synthetic --device {CPU} {sizes} {how} --epochs 50 --out runs/a");
    place.gan_train(&args).fails(3, &["diverged"]);
    let page = page(&place, "runs/a/report.html");
    assert!(page.contains("state diverged") && page.contains("the training diverged"));
    let runs = listed(&place, "runs");
    assert_eq!(runs[0]["state"], "diverged");
}

#[test]
fn a_report_of_several_runs_names_what_differs() {
    let place = Place::new();
    place.train("--epochs 40 --quiet --out runs/one").ok();
    place.train("--epochs 40 --quiet --out runs/two --seed 5").ok();
    let ran = gan_report(&place, "runs/one runs/two --out both.html").ok();
    assert_eq!(ran.stdout, "both.html\n");
    let both = page(&place, "both.html");
    assert!(both.contains("The runs differ in seed."));

    // A folder stands for all of its runs. Default names are never reused.
    assert_eq!(gan_report(&place, "runs").ok().stdout, "report-0001.html\n");
    assert_eq!(gan_report(&place, "runs --json").ok().object()["out"], "report-0002.html");
    assert_eq!(page(&place, "report-0001.html"), both);
}

#[test]
fn only_reports_are_overwritten_without_force() {
    let place = Place::new();
    place.train("--epochs 20 --quiet --out run").ok();
    place.write("thesis.html", "<p>years of work</p>");
    let refused = gan_report(&place, "run --out thesis.html");
    refused.fails(1, &["thesis.html is not a report", "--force"]);
    assert_eq!(place.read("thesis.html"), b"<p>years of work</p>");
    gan_report(&place, "run --out thesis.html --force").ok();
    gan_report(&place, "run --out thesis.html").ok();
    gan_report(&place, "run --out run").fails(2, &["--out", "folder", "run/report.html"]);
    gan_report(&place, "nowhere").fails(1, &["nowhere is not a run", "config.json"]);
    gan_report(&place, "run/samples").fails(1, &["run/samples is not a run"]);
    gan_report(&place, "").fails(2, &["<RUN>"]);
}

#[test]
fn names_of_runs_are_escaped() {
    let place = Place::new();
    let name = "<script>alert(1)<b>";
    place.train(&format!("--epochs 20 --quiet --out {name}")).ok();
    let page = page(&place, &format!("{name}/report.html"));
    assert!(page.contains("<h1>&lt;script&gt;alert(1)&lt;b&gt;</h1>"));
}

#[test]
fn runs_are_listed_with_their_state() {
    let place = Place::new();
    place.train("--epochs 40 --quiet --out runs/0001-done").ok();
    place.train("--epochs 40 --stop-after 20 --quiet --out runs/0002-stopped").ok();
    let mut killed = place.start("--epochs 1000000 --quiet --out runs/0003-killed");
    killed.until(|| !place.rows("runs/0003-killed").is_empty());
    let states = || -> Vec<String> {
        let runs = listed(&place, "runs");
        runs.iter().map(|run| run["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(), ["done", "stopped", "running"]);
    drop(killed);
    assert_eq!(states(), ["done", "stopped", "killed"]);

    // The stopped run is resumed until it is finished.
    place.resume("runs/0002-stopped", "--quiet").ok();
    place.write("runs/notes.txt", "not a run");
    place.write("runs/0004-invalid/config.json", "{");
    let ran = place.run(GAN_RUNS, [""; 0]).ok();
    assert!(
        ran.stderr.contains("run skipped") && ran.stderr.contains("0004-invalid"),
        "{}",
        ran.stderr
    );
    let table: Vec<Vec<&str>> =
        ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(table[0][..3], ["run", "state", "data"]);
    assert_eq!(table[1][..5], ["0001-done", "done", "synthetic", "plain", "40/40"]);
    assert_eq!(table[2][..5], ["0002-stopped", "done", "synthetic", "plain", "40/40"]);
    assert_eq!(table[3][..4], ["0003-killed", "killed", "synthetic", "plain"]);
    assert_eq!(table.len(), 4);

    let run = &listed(&place, "runs/0001-done")[0];
    let row = &place.rows("runs/0001-done")[1];
    for (listed, recorded) in [
        (&run["epochs"], &row["epoch"]),
        (&run["losses"]["discriminator"], &row["d_loss"]),
        (&run["losses"]["generator"], &row["g_loss"]),
    ] {
        // The values are in single precision, written as double.
        assert_eq!(listed.as_f64().unwrap() as f32, recorded.as_f64().unwrap() as f32);
    }
    assert_eq!((&run["total_epochs"], &run["quality"]), (&40.into(), &Value::Null));
}

#[test]
fn a_missing_folder_is_an_error_and_an_empty_one_is_not() {
    let place = Place::new();
    place.run(GAN_RUNS, [""; 0]).fails(1, &["runs", "gan-train"]);
    place.write("empty/notes.txt", "");
    let ran = place.run(GAN_RUNS, ["empty"]).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.contains("no runs in empty"), "{}", ran.stderr);
    assert!(listed(&place, "empty").is_empty());
}

#[test]
fn reading_a_run_does_not_block_a_training() {
    let place = Place::new();
    place.train("--epochs 20 --quiet --no-report --out runs/a").ok();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| (0..50).for_each(|_| drop(listed(&place, "runs"))));
        for epochs in 21..25 {
            place.resume("runs/a", &format!("--epochs {epochs} --quiet --no-report")).ok();
        }
        reading.join().unwrap();
    });
}
