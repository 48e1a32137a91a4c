use super::*;

fn chart(points: &[Point], marked: bool) -> Chart {
    let curve = Curve { colour: 0, points: points.to_vec(), marked };
    Chart { y_label: "loss", y_range: None, curves: vec![curve] }
}

#[test]
fn axes_have_labels_and_numbers() {
    let points: Vec<Point> = (1..=500).map(|x| (f64::from(20 * x), 0.5)).collect();
    let svg = chart(&points, false).svg("losses").unwrap();
    for part in ["epochs (training steps)", "loss", "10\u{2009}000", "aria-label=\"losses\""] {
        assert!(svg.contains(part), "{part} is not in {svg}");
    }
    assert!(svg.ends_with("</svg>\n"), "complete");
    assert!(!svg.contains("http"), "no external address");
}

#[test]
fn empty_single_and_constant_curves_are_drawn() {
    for points in [&[][..], &[(20.0, 1.0)], &[(0.0, 0.0)], &[(20.0, 3.0), (40.0, 3.0)]] {
        for marked in [false, true] {
            let svg = chart(points, marked).svg("x").unwrap();
            let dots = svg.matches("<circle").count();
            assert_eq!(dots, if marked || points.len() == 1 { points.len() } else { 0 });
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}

#[test]
fn non_finite_and_huge_values_are_left_out() {
    let points = [(1.0, f64::NAN), (2.0, f64::INFINITY), (3.0, 1e38), (4.0, 1.0), (5.0, 2.0)];
    let chart = chart(&points, true);
    assert_eq!(chart.y_range_shown(), 0.0..2.1);
    assert_eq!(chart.svg("x").unwrap().matches("<circle").count(), 2);
}

#[test]
fn long_curves_are_drawn_faint_and_smoothed() {
    let points: Vec<Point> = (1..=100_000).map(|x| (f64::from(x), f64::from(x % 7))).collect();
    let svg = chart(&points, false).svg("x").unwrap();
    let lines: Vec<_> = svg.match_indices("stroke=\"#006BB0\"").collect();
    assert_eq!(lines.len(), 2);
    assert!(svg.contains("opacity=\"0.35\""));
    assert!(svg.len() < 50_000, "{} bytes", svg.len());
}

#[test]
fn the_range_includes_all_points_and_zero_if_near() {
    let of = |low, high| chart(&[(1.0, low), (2.0, high)], false).y_range_shown();
    assert_eq!(of(0.5, 1.0), 0.0..1.05);
    let far = of(100.0, 101.0);
    assert!(far.start > 99.0 && far.start < 100.0, "{far:?}");
    let negative = of(-2.0, 3.0);
    assert!(negative.start < -2.0 && negative.end > 3.0);
    let mut chart = chart(&[(1.0, 0.4)], false);
    chart.y_range = Some(0.0..1.0);
    assert_eq!(chart.y_range_shown(), 0.0..1.0);
}

#[test]
fn a_few_outliers_do_not_flatten_a_long_curve() {
    let mut points: Vec<Point> = (0..1000).map(|x| (f64::from(x), f64::from(x % 10))).collect();
    points[3].1 = 500.0;
    let long = chart(&points, false);
    assert!(long.y_range_shown().end < 50.0, "{:?}", long.y_range_shown());
    assert_eq!(long.points_outside(), 1);
    let measured = chart(&points, true);
    assert!(measured.y_range_shown().end > 500.0, "no evaluation is an outlier");
    assert_eq!(measured.points_outside(), 0);
}

#[test]
fn numbers_are_formatted_for_axes() {
    for (value, text) in [
        (0.0, "0"),
        (0.25, "0.25"),
        (1.0, "1"),
        (9000.0, "9000"),
        (10_000.0, "10\u{2009}000"),
        (-1_234_567.0, "-1\u{2009}234\u{2009}567"),
        (1e-5, "1e-5"),
        (1.5e8, "1.500e8"),
        (1e-17, "0"),
    ] {
        assert_eq!(number(value), text);
    }
}
