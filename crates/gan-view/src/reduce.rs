//! Smoothing curves, and reducing the number of points and images.

/// A point of a curve.
pub type Point = (f64, f64);

/// The number of neighbours on each side to smooth with, for a curve of `count` points; 0 for short
/// curves.
pub const fn smoothing_radius(count: usize) -> usize {
    count / 60
}

/// The moving average over `radius` neighbours on each side, fewer at the ends.
pub fn smooth(points: &[Point], radius: usize) -> Vec<Point> {
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for (_, y) in points {
        sum += y;
        sums.push(sum);
    }
    let mean = |(at, (x, _)): (usize, &Point)| {
        let (from, to) = (at.saturating_sub(radius), points.len().min(at + radius + 1));
        (*x, (sums[to] - sums[from]) / (to - from) as f64)
    };
    points.iter().enumerate().map(mean).collect()
}

/// At most `max` items at even distances, the first and the last included.
pub fn evenly_spaced<T: Clone>(items: &[T], max: usize) -> Vec<T> {
    match (items, max) {
        ([], _) | (_, 0) => Vec::new(),
        (items, max) if items.len() <= max => items.to_vec(),
        ([.., last], 1) => vec![last.clone()],
        (items, max) => {
            (0..max).map(|at| items[at * (items.len() - 1) / (max - 1)].clone()).collect()
        }
    }
}

/// About `max` points at most: the minimum and the maximum of equal sections, so that no peak is
/// lost.
pub fn extremes(points: &[Point], max: usize) -> Vec<Point> {
    if points.len() <= max {
        return points.to_vec();
    }
    let section = points.len().div_ceil(max / 2);
    let ends = |points: &[Point]| {
        let order = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
        let mut kept = [(0..points.len()).min_by(order), (0..points.len()).max_by(order)];
        kept.sort_unstable();
        kept.into_iter().flatten().map(|at| points[at]).collect::<Vec<_>>()
    };
    points.chunks(section).flat_map(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_removes_noise_and_keeps_the_slope() {
        let line: Vec<Point> = (0..100).map(|x| (f64::from(x), 2.0 * f64::from(x))).collect();
        let close = |a: &Point, b: &Point| a.0 == b.0 && (a.1 - b.1).abs() < 1e-9;
        let smoothed = smooth(&line, 5);
        assert!(smoothed[5..95].iter().zip(&line[5..95]).all(|(a, b)| close(a, b)));

        let noise = |x: i32| if x % 2 == 0 { 1.0 } else { -1.0 };
        let noisy: Vec<Point> = (0..100).map(|x| (f64::from(x), noise(x))).collect();
        let smoothed = smooth(&noisy, 5);
        assert!(smoothed.iter().all(|(_, y)| y.abs() < 0.2), "{smoothed:?}");
    }

    #[test]
    fn short_curves_are_not_smoothed() {
        assert_eq!(smooth(&[], 3), []);
        assert_eq!(smooth(&[(1.0, 2.0)], 3), [(1.0, 2.0)]);
        assert_eq!(smoothing_radius(50), 0);
    }

    #[test]
    fn evenly_spaced_items_include_both_ends() {
        let all: Vec<usize> = (0..100_000).collect();
        let few = evenly_spaced(&all, 75);
        assert_eq!((few.len(), few[0], few[74]), (75, 0, 99_999));
        assert!(few.is_sorted());
        assert_eq!(evenly_spaced(&[1, 2, 3], 75), [1, 2, 3]);
        assert_eq!(evenly_spaced(&[1, 2, 3], 1), [3]);
        assert_eq!(evenly_spaced(&[0; 0], 5), [0; 0]);
    }

    #[test]
    fn extremes_include_every_peak() {
        let mut points: Vec<Point> = (0..100_000).map(|x| (f64::from(x), 0.0)).collect();
        points[54_321].1 = 9.0;
        let few = extremes(&points, 700);
        assert!(few.len() <= 702 && few.contains(&(54_321.0, 9.0)), "{}", few.len());
    }
}
