//! Every measure equals that of a reference package on the small data sets of `measures.py
//! vectors`.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use gan_core::stream::{Purpose, stream};
use gan_eval::frechet::{Gaussian, GaussianRoot};
use gan_eval::kernel_distance::{KernelDistance, mean_kernels, mean_kernels_within};
use gan_eval::{classes, conditional, memorisation, neighbours};
use serde_json::Value;

const VECTORS: &str = include_str!("vectors.json");
/// Largest allowed relative difference.
const CLOSE: f64 = 1e-6;

fn cases() -> Vec<Value> {
    serde_json::from_str(VECTORS).unwrap()
}

/// The numbers of a list, `None` for null.
fn options(value: &Value) -> Vec<Option<f64>> {
    value.as_array().unwrap().iter().map(Value::as_f64).collect()
}

fn numbers(value: &Value) -> Vec<f32> {
    options(value).into_iter().map(|x| x.unwrap() as f32).collect()
}

fn indices(value: &Value) -> Vec<usize> {
    options(value).into_iter().map(|x| x.unwrap() as usize).collect()
}

fn ones(count: usize) -> Vec<u32> {
    vec![1; count]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The squared distances from each row of `a` to each of `b`: `[rows of a, rows of b]`.
fn squared_distances(a: &[f32], b: &[f32], dim: usize) -> Vec<f32> {
    let squared = |x: &[f32], y: &[f32]| {
        let apart = x.iter().zip(y).map(|(&x, &y)| f64::from(x) - f64::from(y));
        apart.map(|apart| apart * apart).sum::<f64>() as f32
    };
    let row = |x| b.chunks_exact(dim).map(move |y| squared(x, y));
    a.chunks_exact(dim).flat_map(row).collect()
}

fn size(case: &Value, name: &str) -> usize {
    case[name].as_u64().unwrap() as usize
}

/// Compares `ours` with the reference. For references below 0.001, the difference is relative to
/// 0.001.
#[track_caller]
fn compare(ours: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    let apart = (ours - expected).abs() / expected.abs().max(1e-3);
    assert!(apart < CLOSE, "{what}: {ours} is not {expected}, by {apart:.1e}");
}

#[track_caller]
fn compare_all(ours: &[Option<f64>], expected: &Value, what: &str) {
    let theirs = expected.as_array().unwrap();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        match ours {
            Some(ours) => compare(*ours, theirs, what),
            None => assert!(theirs.is_null(), "{what}"),
        }
    }
}

#[test]
fn frechet_distances_equal_scipys() {
    for case in cases() {
        let (real, fake) = (numbers(&case["real"]), numbers(&case["fake"]));
        let (dim, figures) = (size(&case, "dim"), &case["figures"]);
        let weighted = fake.chunks_exact(dim).zip(indices(&case["weights"]));
        let copies: Vec<f32> = weighted.flat_map(|(row, times)| row.repeat(times)).collect();
        let [real, all, drawn] =
            [&real, &fake, &copies].map(|set| Gaussian::fit(set.chunks_exact(dim), dim));
        let distance = |a, b| GaussianRoot::new(a).distance(b);
        for name in ["distance", "by_sqrtm"] {
            compare(distance(&real, &all), &figures["frechet"][name], name);
            compare(distance(&all, &real), &figures["frechet"][name], name);
            compare(distance(&real, &drawn), &figures["frechet_weighted"][name], "weighted");
        }
    }
}

#[test]
fn kernel_distances_equal_numpys() {
    for case in cases() {
        let (real, fake) = (numbers(&case["real"]), numbers(&case["fake"]));
        let (dim, figures) = (size(&case, "dim"), &case["figures"]["kernel_distance"]);
        let products = |a: &[f32], b: &[f32]| -> Vec<f32> {
            let product = |x: &[f32], y: &[f32]| {
                x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>() as f32
            };
            let row = |x| b.chunks_exact(dim).map(move |y| product(x, y));
            a.chunks_exact(dim).flat_map(row).collect()
        };
        let within = |set: &[f32]| -> Vec<f64> {
            mean_kernels_within(&products(set, set), set.len() / dim, dim, 0).collect()
        };
        let between: Vec<f64> =
            mean_kernels(&products(&fake, &real), real.len() / dim, dim).collect();
        let found = KernelDistance::new(&within(&fake), &between, mean(&within(&real)));
        compare(found.estimate, &figures["estimate"], "estimate");
        compare(found.standard_error, &figures["standard_error"], "standard error");
    }
}

#[test]
fn precision_recall_density_and_coverage_equal_prdcs() {
    for case in cases() {
        let (real, fake) = (numbers(&case["real"]), numbers(&case["fake"]));
        let (dim, k, figures) = (size(&case, "dim"), size(&case, "k"), &case["figures"]);
        let radii = |set: &[f32]| {
            neighbours::kth_radii(&squared_distances(set, set, dim), set.len() / dim, k)
        };
        let (real_radii, fake_radii) = (radii(&real), radii(&fake));
        let mut support = neighbours::Support::new(&real_radii, &fake_radii, k);
        for block in real.chunks(7 * dim) {
            support.add(&squared_distances(block, &fake, dim));
        }
        let overlap = support.finish();
        for (name, values) in [
            ("precision", overlap.precision),
            ("recall", overlap.recall),
            ("density", overlap.density),
            ("coverage", overlap.coverage),
        ] {
            compare(mean(&values), &figures[name], name);
        }
    }
}

#[test]
fn class_measures_equal_numpys() {
    for case in cases() {
        let (fake, probabilities) = (numbers(&case["fake"]), numbers(&case["probabilities"]));
        let (dim, number) = (size(&case, "dim"), size(&case, "classes"));
        let figures = &case["figures"]["classes"];
        let labels = classes::labels(&probabilities, number);
        let each = ones(labels.len());
        let score = classes::classifier_score(&probabilities, number, &each);
        compare(score, &figures["score"], "score");

        let shares = classes::shares(&labels, number, &each);
        let some: Vec<Option<f64>> = shares.iter().copied().map(Some).collect();
        compare_all(&some, &figures["shares"], "shares");
        compare(classes::imbalance(&shares), &figures["total_variation"], "total variation");
        let equal = vec![1.0 / number as f64; number];
        assert_eq!(classes::missing(&shares, &equal), indices(&figures["missing"]));

        let sure = classes::confidences(&probabilities, number);
        let sure: Vec<f64> = sure.into_iter().map(f64::from).collect();
        compare(mean(&sure), &figures["confidence"], "confidence");

        let diversity = classes::diversity(&fake, dim, &labels, number, &each);
        compare_all(&diversity, &figures["diversity"], "diversity");
        let known: Vec<f64> = diversity.into_iter().flatten().collect();
        compare(mean(&known), &figures["mean_diversity"], "mean diversity");
    }
}

#[test]
fn measures_of_asked_classes_equal_scikit_learns() {
    for case in cases() {
        let (real, fake) = (numbers(&case["real"]), numbers(&case["fake"]));
        let (dim, number) = (size(&case, "dim"), size(&case, "classes"));
        let figures = &case["figures"]["asked"];
        let labels = |rows: &[f32], step: usize| -> Vec<u16> {
            (0..rows.len() / dim).map(|row| (row * step % number) as u16).collect()
        };
        let (real_labels, asked) = (labels(&real, 3), labels(&fake, 7));
        let seen = classes::labels(&numbers(&case["probabilities"]), number);
        let counts = conditional::confusion(&asked, &seen, number);
        let expected: Vec<u32> = indices(&figures["confusion"]).iter().map(|&n| n as u32).collect();
        assert_eq!(counts, expected);
        let shares = conditional::shares_as_asked(&counts, number);
        compare_all(&shares, &figures["share_by_class"], "share by class");
        let right: u32 = (0..number).map(|class| counts[class * number + class]).sum();
        compare(f64::from(right) / asked.len() as f64, &figures["share"], "share");

        let reference = conditional::ClassReference::new(&real, dim, &real_labels, number);
        let distances = reference.distances(&fake, &asked);
        compare_all(&distances, &figures["frechet_by_class"], "Fréchet distance by class");
    }
}

#[test]
fn memorisation_equals_numpys() {
    for case in cases() {
        let (nearest, test) = (numbers(&case["nearest"]), numbers(&case["test"]));
        let figures = &case["figures"]["memory"];
        let mut rng = stream(0, Purpose::Bootstrap, 0);
        let found = memorisation::memorisation(&nearest, &test, 1, &mut rng);
        compare(found.ratio.value, &figures["ratio"], "ratio");
        compare(found.threshold, &figures["threshold"], "threshold");
        compare(found.share.value, &figures["share"], "share");
        assert_eq!(memorisation::closest(&nearest, 5), indices(&figures["closest"]));
    }
}
