//! Every measure against the reference packages', on the small sets that `measures.py
//! vectors` made with them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use gan_eval::{classes, frechet, memory, neighbours};
use serde_json::Value;

const VECTORS: &str = include_str!("vectors.json");
/// Relative difference that is let pass.
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

fn size(case: &Value, name: &str) -> usize {
    case[name].as_u64().unwrap() as usize
}

/// Holds `ours` against the reference; figures below a thousandth are held to its scale.
#[track_caller]
fn hold(ours: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    let apart = (ours - expected).abs() / expected.abs().max(1e-3);
    assert!(apart < CLOSE, "{what}: {ours} is not {expected}, by {apart:.1e}");
}

#[track_caller]
fn hold_all(ours: &[Option<f64>], expected: &Value, what: &str) {
    let theirs = expected.as_array().unwrap();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        match ours {
            Some(ours) => hold(*ours, theirs, what),
            None => assert!(theirs.is_null(), "{what}"),
        }
    }
}

#[test]
fn frechet_distances_are_scipys() {
    for case in cases() {
        let (real, fake) = (numbers(&case["real"]), numbers(&case["fake"]));
        let (dim, figures) = (size(&case, "dim"), &case["figures"]);
        let weights: Vec<u32> = indices(&case["weights"]).iter().map(|&w| w as u32).collect();
        let real = frechet::Gaussian::fit(&real, dim);
        let all = frechet::Gaussian::fit(&fake, dim);
        let drawn = frechet::Gaussian::fit_weighted(&fake, dim, &weights);
        for name in ["distance", "by_sqrtm"] {
            hold(frechet::frechet_distance(&real, &all), &figures["frechet"][name], name);
            hold(frechet::frechet_distance(&all, &real), &figures["frechet"][name], name);
            let weighted = &figures["frechet_weighted"][name];
            hold(frechet::frechet_distance(&real, &drawn), weighted, "weighted");
        }
    }
}

#[test]
fn precision_recall_density_and_coverage_are_prdcs() {
    for case in cases() {
        let (real, fake) = (numbers(&case["real"]), numbers(&case["fake"]));
        let (dim, k, figures) = (size(&case, "dim"), size(&case, "k"), &case["figures"]);
        let radii = |set: &[f32]| {
            let distances = neighbours::squared_distances(set, set, dim);
            neighbours::kth_radii(&distances, set.len() / dim, k)
        };
        let (real_radii, fake_radii) = (radii(&real), radii(&fake));
        let mut support = neighbours::Support::new(&real_radii, &fake_radii, k);
        for block in real.chunks(7 * dim) {
            support.add(&neighbours::squared_distances(block, &fake, dim));
        }
        let overlap = support.finish();
        hold(overlap.precision(), &figures["precision"], "precision");
        hold(overlap.recall(), &figures["recall"], "recall");
        hold(overlap.density(), &figures["density"], "density");
        hold(overlap.coverage(), &figures["coverage"], "coverage");
    }
}

#[test]
fn class_measures_are_numpys() {
    for case in cases() {
        let (fake, seen) = (numbers(&case["fake"]), numbers(&case["probabilities"]));
        let (dim, number) = (size(&case, "dim"), size(&case, "classes"));
        let figures = &case["figures"]["classes"];
        hold(classes::classifier_score(&seen, number), &figures["score"], "score");

        let labels = classes::labels(&seen, number);
        let shares = classes::shares(&labels, number);
        let expected = classes::uniform(number);
        let some: Vec<Option<f64>> = shares.iter().copied().map(Some).collect();
        hold_all(&some, &figures["shares"], "shares");
        let apart = classes::total_variation(&shares, &expected);
        hold(apart, &figures["total_variation"], "total variation");
        assert_eq!(classes::missing(&shares, &expected), indices(&figures["missing"]));

        let sure = classes::confidences(&seen, number);
        let mean = sure.iter().map(|&x| f64::from(x)).sum::<f64>() / sure.len() as f64;
        hold(mean, &figures["confidence"], "confidence");
        let by_class = classes::class_means(&sure, &labels, number);
        hold_all(&by_class, &figures["class_confidence"], "confidence of a class");

        let diversity = classes::diversity(&fake, dim, &labels, number);
        hold_all(&diversity.classes, &figures["diversity"], "diversity");
        hold(diversity.mean.unwrap(), &figures["mean_diversity"], "mean diversity");
    }
}

#[test]
fn memorisation_is_numpys() {
    for case in cases() {
        let (nearest, test) = (numbers(&case["nearest"]), numbers(&case["test"]));
        let figures = &case["figures"]["memory"];
        let seen = memory::memory(&nearest, &test);
        hold(seen.ratio, &figures["ratio"], "ratio");
        hold(seen.threshold, &figures["threshold"], "threshold");
        hold(seen.share, &figures["share"], "share");
        assert_eq!(memory::closest(&nearest, 5), indices(&figures["closest"]));
    }
}
