//! Every interval contains its value and only values that are possible, also for small and
//! degenerate sets of images.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::ops::RangeInclusive;

use burn::tensor::Device;
use gan_core::stream::{Purpose, normal, stream};
use gan_eval::memorisation::memorisation;
use gan_eval::{Extracted, FeatureExtractor, Measure, Measures, Options, Reference};

const DIM: usize = FeatureExtractor::FEATURES;
const CLASSES: usize = 10;
const ANY: RangeInclusive<f64> = 0.0..=f64::INFINITY;

/// Images of these classes. Their features are random, not negative as those of the extractor,
/// and repeat after `distinct` images.
fn images(seed: u64, classes: &[usize], distinct: usize, shift: f32) -> Extracted {
    let (mut features, mut probabilities) = (Vec::new(), Vec::new());
    for (index, &class) in classes.iter().enumerate() {
        let mut rng = stream(seed, Purpose::Sample, (index % distinct) as u64);
        features.extend(normal(&mut rng, DIM).iter().map(|x| (x + shift).max(0.0)));
        let rest = 0.001 * (1 + index % distinct) as f32 / classes.len() as f32;
        let mut row = [rest; CLASSES];
        row[class] = 1.0 - rest * (CLASSES - 1) as f32;
        probabilities.extend(row);
    }
    Extracted { features, probabilities }
}

fn all_classes(count: usize) -> Vec<usize> {
    (0..count).map(|index| index % CLASSES).collect()
}

#[track_caller]
fn check(measure: Measure, range: &RangeInclusive<f64>, what: &str) {
    let Measure { value, interval } = measure;
    assert!(range.contains(&value), "{what}: {value}");
    let [low, high] = interval.unwrap_or_else(|| panic!("{what} has no interval"));
    assert!(low <= value && value <= high, "{what}: {value} in {low} to {high}");
    assert!(range.contains(&low) && range.contains(&high), "{what}: {low} to {high}");
}

#[track_caller]
fn check_all(measures: &Measures, what: &str) {
    for (name, _, measure) in measures.rows() {
        let name = format!("{name}, {what}");
        let range = match name.split(',').next().unwrap() {
            "Fréchet distance" => {
                assert!(measure.value >= 0.0 && measure.interval.is_none(), "{name}");
                continue;
            }
            "kernel distance (KID)" | "density" | "diversity" => ANY,
            "classifier score" => 1.0..=CLASSES as f64,
            _ => 0.0..=1.0,
        };
        check(measure, &range, &name);
    }
    let classes = measures.classes.as_ref().unwrap();
    assert_eq!(classes.shares_intervals.len(), CLASSES);
    for (class, (&value, &interval)) in
        classes.shares.iter().zip(&classes.shares_intervals).enumerate()
    {
        let share = Measure { value, interval: Some(interval) };
        check(share, &(0.0..=1.0), &format!("share {class}, {what}"));
    }
}

#[test]
fn intervals_contain_their_values() {
    let extractor = FeatureExtractor::mnist(&Device::flex());
    let reals = [
        ("ordinary images", images(0, &all_classes(300), 300, 0.0)),
        ("six images", images(1, &all_classes(6), 6, 0.0)),
        ("one class", images(2, &[3; 60], 60, 0.0)),
        ("copies of one", images(3, &all_classes(60), 1, 0.0)),
    ];
    let samples = [
        ("as the real", images(0, &all_classes(300), 300, 0.0)),
        ("of the same distribution", images(4, &all_classes(200), 200, 0.0)),
        ("few", images(5, &all_classes(6), 6, 0.0)),
        ("one of each class", images(6, &all_classes(10), 10, 0.0)),
        ("of one class", images(7, &[3; 100], 100, 0.0)),
        ("of two classes", images(8, &[[1; 99].as_slice(), &[2]].concat(), 100, 0.0)),
        ("copies of one", images(9, &[5; 50], 1, 0.0)),
        ("copies of three", images(10, &all_classes(99), 3, 0.0)),
        ("far away", images(11, &all_classes(120), 120, 20.0)),
        ("black", images(12, &all_classes(50), 50, -100.0)),
    ];
    for (real_name, real) in reals {
        let reference = Reference::new(&extractor, real);
        for (name, samples) in &samples {
            for seed in 0..3 {
                let options = Options { seed, resamples: 60, ..Options::default() };
                let measures = reference.evaluate(samples, None, options);
                check_all(&measures, &format!("{name}, real: {real_name}, seed {seed}"));
                let options = Options { resamples: 0, ..options };
                let without = reference.evaluate(samples, None, options);
                for ((name, _, a), (_, _, b)) in measures.rows().into_iter().zip(without.rows()) {
                    assert_eq!(a.value, b.value, "{name}");
                    assert_eq!(b.interval, None, "{name}");
                }
            }
        }
    }
}

#[test]
fn intervals_of_memorisation_contain_their_values() {
    let spread: Vec<f32> = (0..40_u8).map(|x| 1.0 + f32::from(x) / 40.0).collect();
    for samples in [&spread[..], &[0.0; 7], &[1.5; 3], &[0.0, 9.0], &[0.5, 1.2, 1.9], &[1.0]] {
        for test in [&spread[..], &[1.5; 4], &[1.0, 2.0], &[1.0]] {
            for seed in 0..5 {
                let mut rng = stream(seed, Purpose::Bootstrap, 0);
                let found = memorisation(samples, test, 30, &mut rng);
                check(found.ratio, &ANY, &format!("ratio of {samples:?}"));
                check(found.share, &(0.0..=1.0), &format!("share of {samples:?}"));
            }
        }
    }
}
