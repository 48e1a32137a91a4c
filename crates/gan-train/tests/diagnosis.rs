//! What is found in the records of real runs: of those that were made to fail, the failure that
//! it was, and of healthy ones nothing. `docs/diagnosis.md` shows the runs and their commands.

use std::fs;
use std::path::Path;

use gan_model::{Loss, TrainingConfig};
use gan_train::{Diagnostics, MetricsRow, Warning};

/// What is found in the record of a run with this loss, in order, with its epochs.
fn findings(name: &str, loss: Loss) -> Vec<(u64, Warning)> {
    found(name, &TrainingConfig { loss, ..TrainingConfig::default() })
}

/// The same of a run with these settings.
fn found(name: &str, config: &TrainingConfig) -> Vec<(u64, Warning)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/runs/{name}.jsonl"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut watch = Diagnostics::new(config);
    let rows = text.lines().map(serde_json::from_str::<MetricsRow>);
    rows.filter_map(|row| {
        let row = row.expect("a row of metrics.jsonl");
        Some((row.epoch, watch.observe(&row)?))
    })
    .collect()
}

#[test]
fn healthy_runs_are_left_in_peace() {
    for name in ["default", "conditional", "listing-tuned", "plain"] {
        assert_eq!(findings(name, Loss::Bce), [], "{name}");
    }
    // Its generator's loss passes 0, so parts of its mean say nothing.
    assert_eq!(findings("hinge", Loss::Hinge), []);
    // A quarter of the step size of `plain` takes longer to its first digits.
    let slow = TrainingConfig { lr: 5e-5, ..TrainingConfig::default() };
    assert_eq!(found("slow", &slow), []);
}

#[test]
fn a_discriminator_that_wins_says_what_its_labels_say() {
    let smoothed = TrainingConfig { label_smoothing: 0.1, ..TrainingConfig::default() };
    let first = found("smoothed-labels", &smoothed)[0];
    assert_eq!(first.1, Warning::DiscriminatorWins, "D(real) is 0.9 there, not 1");
}

#[test]
fn each_failure_is_found_for_what_it_is_and_told_once() {
    use Warning::{
        ClassCollapse, ClassesIgnored, Collapse, DiscriminatorWins, GeneratorWins, IdleUnits,
        MissingClasses, Oscillation, Saturation,
    };
    for (name, loss, expected) in [
        ("discriminator-wins", Loss::Bce, &[DiscriminatorWins, Collapse, Saturation][..]),
        ("generator-wins", Loss::Bce, &[GeneratorWins, Collapse]),
        ("collapse", Loss::Hinge, &[Collapse]),
        (
            "missing-digits",
            Loss::Bce,
            &[MissingClasses, Saturation, Oscillation, DiscriminatorWins],
        ),
        ("classes-ignored", Loss::Bce, &[ClassesIgnored]),
        ("class-collapse", Loss::Bce, &[MissingClasses, ClassCollapse]),
        (
            "saturation",
            Loss::Bce,
            &[DiscriminatorWins, Saturation, Oscillation, IdleUnits, Collapse],
        ),
    ] {
        let found: Vec<_> = findings(name, loss).into_iter().map(|(_, finding)| finding).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn two_classes_that_are_drawn_as_asked_are_no_failure() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runs/conditional.jsonl");
    let text = fs::read_to_string(path).expect("it was read above");
    let found = |share: f64| -> Vec<_> {
        let mut watch = Diagnostics::new(&TrainingConfig::default());
        let of_two = |line| {
            let mut row: MetricsRow = serde_json::from_str(line).expect("a row");
            if let Some(asked) = row.quality.as_mut().and_then(|quality| quality.asked.as_mut()) {
                (asked.share, asked.by_class) = (share, vec![share; 2]);
            }
            row
        };
        text.lines().filter_map(|line| watch.observe(&of_two(line))).collect()
    };
    assert_eq!(found(0.9), []);
    // A tenth of the way from chance to all.
    assert_eq!(found(0.55), [Warning::ClassesIgnored]);
}

#[test]
fn what_was_said_before_a_resume_is_not_said_again() {
    let name = "discriminator-wins";
    let (epoch, _) = findings(name, Loss::Bce)[0];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/runs/{name}.jsonl"));
    let text = fs::read_to_string(path).expect("it was read above");
    let rows: Vec<MetricsRow> =
        text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    let mut watch = Diagnostics::new(&TrainingConfig::default());
    let (before, after): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.epoch <= epoch);
    for row in before {
        watch.observe(row);
    }
    for row in after {
        assert_ne!(watch.observe(row), Some(Warning::DiscriminatorWins));
    }
}
