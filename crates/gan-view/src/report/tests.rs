use std::fs;
use std::slice::from_ref;

use gan_run::{
    AskedQuality, ClassQuality, EndReason, MetricsRow, Quality, RunDir, RunOutcome, Warning,
};
use image::GrayImage;
use serde_json::json;

use super::*;

fn row(epoch: u64) -> MetricsRow {
    MetricsRow {
        epoch,
        d_loss: 0.5,
        g_loss: 1.0,
        d_real: 0.7,
        d_fake: 0.3,
        spread: 1.1,
        seconds: 1.0,
        ..MetricsRow::default()
    }
}

fn quality(frechet: f64) -> Quality {
    Quality {
        count: 2000,
        frechet,
        kernel_distance: None,
        precision: 0.9,
        recall: 0.8,
        density: 1.1,
        coverage: 0.95,
        classes: Some(ClassQuality { shares: vec![0.1; 10], ..ClassQuality::default() }),
        asked: None,
    }
}

/// A run with these rows, three previews and this end.
fn run(root: &Path, seed: u64, rows: &[MetricsRow], reason: EndReason) -> Record {
    let run = RunDir::create(root).unwrap();
    let config = json!({
        "model": { "height": 28, "width": 28 },
        "training": { "epochs": 1000, "loss": "bce", "recipe": "plain", "seed": seed },
        "dataset": { "name": "<i>mine</i>", "digest": "ab", "class_names": ["a", "b"] },
        "data_dir": "/home/someone/digits",
        "data": "/home/someone/photos",
        "feature_extractor": "/home/someone/mine.extractor",
        "held_out": 123,
        "init_from": { "path": "/home/someone/ckpt.mpk", "epoch": 77, "dataset": "others" },
    });
    run.write_config(&config).unwrap();
    for row in rows {
        run.append_metrics(row).unwrap();
    }
    for epoch in [0, 500, 1000] {
        GrayImage::new(280, 28).save(run.sample(epoch)).unwrap();
    }
    GrayImage::new(280, 280).save(run.reals()).unwrap();
    run.write_outcome(&RunOutcome { reason, epochs: 1000, seconds: 1.0 }).unwrap();
    Record::read(root).unwrap()
}

/// Asserts that tags are balanced, attributes are quoted, and nothing external is loaded.
#[track_caller]
fn assert_valid(page: &str) {
    const VOID: [&str; 3] = ["meta", "img", "!doctype"];
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        let name = tag.split_whitespace().next().unwrap().trim_matches('/').to_owned();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_ref(), Some(&name), "before {rest:.80}");
        } else if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    for external in ["http:", "https:", "<script", "<link", "url(", "@import", "<iframe"] {
        assert!(!page.contains(external), "{external}");
    }
    for (at, _) in page.match_indices("src=\"") {
        assert!(page[at..].starts_with("src=\"data:image/png;base64,"));
    }
}

#[test]
fn a_report_of_one_run_has_every_section() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows: Vec<_> = (1..=50).map(|i| row(20 * i)).collect();
    let missing = ClassQuality { missing: vec![1, 3], ..ClassQuality::default() };
    rows[9].quality = Some(Quality { classes: Some(missing), ..quality(30.5) });
    rows[29].quality = Some(Quality { classes: None, ..quality(20.5) });
    let (by_class, confusion) = (vec![0.75, 1.0], vec![3 << 30, 1 << 30, 0, 6]);
    let diversity = vec![1.0; 2];
    let asked = Some(Box::new(AskedQuality {
        share: 0.875,
        by_class,
        frechet: 33.25,
        diversity,
        confusion,
    }));
    rows[49].quality = Some(Quality { asked, ..quality(12.25) });
    rows[20].warning = Some(Warning::Collapse);
    let root = dir.path().join("0003-mine");
    let page = report(&[run(&root, 0, &rows, EndReason::Finished)]).unwrap();
    assert_valid(&page);
    for part in [
        "<h1>0003-mine</h1>",
        "<span class=\"state done\">done</span>",
        "1000 of 1000",
        "12.25 (epoch 1000)",
        "Epoch 420: mode collapse",
        "loss (nats)",
        "D(real)",
        "Fréchet distance",
        "&lt;i&gt;mine&lt;/i&gt;",
        "epoch 500",
        "<td>b, 3</td>",
        "After 1000 epochs, 87.5% of the samples were classified as the class",
        "over the classes: 33.25.",
        "</th><td class=\"cell\" style=\"--share: 0.87\">75.0</td>",
        "<td>20.50</td><td>0.900</td><td>0.800</td><td>–</td>",
        "style=\"aspect-ratio: 280 / 28\"",
        "&lt;i&gt;mine&lt;/i&gt;, 123 held out for tests</td>",
        "plain, fine-tuned from epoch 77 on others</td>",
    ] {
        assert!(page.contains(part), "{part} is not there");
    }
    assert_eq!(page.matches("<svg").count(), 4);
    assert_eq!(page.matches("<img").count(), 1 + 1 + 3);
    assert!(!page.contains("/home/someone"), "the path of the data set is private");
}

#[test]
fn a_report_of_several_runs_names_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (1..=50).map(|i| row(20 * i)).collect();
    let one = run(&dir.path().join("one"), 0, &rows, EndReason::Stopped);
    let two = run(&dir.path().join("two"), 1, &rows[..5], EndReason::Diverged);
    let page = report(&[one.clone(), two]).unwrap();
    assert_valid(&page);
    for part in [
        "2 runs side by side",
        "The runs differ in seed.",
        "<tr class=\"differs\"><th scope=\"row\">seed</th><td>0</td><td>1</td></tr>",
        "Epoch 1000: the training diverged",
        "Loss of the generator",
    ] {
        assert!(page.contains(part), "{part} is not there");
    }
    assert_eq!(page.matches("<svg").count(), 4, "two losses, D(real), D(fake)");

    let other = run(&dir.path().join("b/one"), 0, &rows, EndReason::Finished);
    let page = report(&[one, other]).unwrap();
    assert!(page.contains("b/one"), "runs with equal names are distinguished");
    assert!(page.contains("The runs have the same settings."));
}

#[test]
fn runs_are_compared_by_the_kernel_distance_if_all_have_one() {
    let dir = tempfile::tempdir().unwrap();
    let evaluated = |kernel_distance| {
        let mut rows: Vec<_> = (1..=50).map(|i| row(20 * i)).collect();
        for row in [9, 29, 49] {
            rows[row].quality = Some(Quality { kernel_distance, ..quality(30.5) });
        }
        rows
    };
    let run =
        |name, kernel| run(&dir.path().join(name), 0, &evaluated(kernel), EndReason::Finished);
    let [new, other, old] = [run("new", Some(0.5)), run("other", Some(0.25)), run("old", None)];
    let compared = |records: &[Record]| {
        let page = report(records).unwrap();
        assert_valid(&page);
        [
            page.contains("0.500 (epoch 200)"),
            page.contains("<h3>Kernel distance (KID)"),
            page.contains("30.50 (epoch 200)"),
            page.contains("<h3>Fréchet distance"),
        ]
    };
    assert_eq!(compared(&[new.clone(), other]), [true, true, false, false]);
    assert_eq!(compared(&[new.clone(), old.clone()]), [true; 4]);
    assert_eq!(compared(&[new]), [true; 4]);
    assert_eq!(compared(&[old]), [false, false, true, true]);
}

#[test]
fn names_of_runs_are_escaped() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("<script>alert(1)<").join("script>\"&'");
    let page = report(&[run(&root, 0, &[row(20)], EndReason::Finished)]).unwrap();
    assert_valid(&page);
    assert!(page.contains("script&gt;&quot;&amp;&#39;"));
}

#[test]
fn a_run_without_metrics_has_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let held = RunDir::create(dir.path()).unwrap();
    held.write_config(&json!({})).unwrap();
    // A date that cannot be shown.
    let config = fs::File::options().write(true).open(held.config()).unwrap();
    let before_1970 = std::time::SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1);
    config.set_modified(before_1970).unwrap();
    let page = report(&[Record::read(dir.path()).unwrap()]).unwrap();
    assert_valid(&page);
    assert!(page.contains("running") && page.contains("There are no metrics yet."));
    assert!(page.contains("has no samples yet"));
}

#[test]
fn only_a_report_is_replaced_without_force() {
    let dir = tempfile::tempdir().unwrap();
    let record = run(&dir.path().join("run"), 0, &[row(20)], EndReason::Finished);
    let path = dir.path().join("page.html");
    fs::write(&path, "<!doctype html>\n<title>my thesis</title>").unwrap();
    let refused = write_report(from_ref(&record), &path, false);
    assert!(matches!(refused, Err(ViewError::NotAReport(_))));
    assert!(fs::read_to_string(&path).unwrap().contains("thesis"));
    write_report(from_ref(&record), &path, true).unwrap();
    write_report(from_ref(&record), &path, false).unwrap();
    let folder = write_report(from_ref(&record), dir.path(), true);
    assert!(matches!(folder, Err(ViewError::NotAFile(_))));
}
