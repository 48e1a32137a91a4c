//! A curve without its noise.

/// A point of a curve.
pub type Point = (f64, f64);

/// How many neighbours on each side a point of `count` is smoothed with; none of few.
#[must_use]
pub const fn reach(count: usize) -> usize {
    count / 60
}

/// Each point with the mean of its neighbours, `reach` on each side, fewer at the ends.
#[must_use]
pub fn smooth(points: &[Point], reach: usize) -> Vec<Point> {
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for (_, y) in points {
        sum += y;
        sums.push(sum);
    }
    let mean = |(at, (x, _)): (usize, &Point)| {
        let (from, to) = (at.saturating_sub(reach), points.len().min(at + reach + 1));
        (*x, (sums[to] - sums[from]) / (to - from) as f64)
    };
    points.iter().enumerate().map(mean).collect()
}

/// About `most` of the points, the first and the last among them.
#[must_use]
pub fn every(points: Vec<Point>, most: usize) -> Vec<Point> {
    if points.len() <= most {
        return points;
    }
    (0..most).map(|at| points[at * (points.len() - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_takes_the_noise_and_leaves_the_slope() {
        let line: Vec<Point> = (0..100).map(|x| (f64::from(x), 2.0 * f64::from(x))).collect();
        let close = |a: &Point, b: &Point| a.0 == b.0 && (a.1 - b.1).abs() < 1e-9;
        let smoothed = smooth(&line, 5);
        assert!(smoothed[5..95].iter().zip(&line[5..95]).all(|(a, b)| close(a, b)));

        let noise = |x: i32| if x % 2 == 0 { 1.0 } else { -1.0 };
        let noisy: Vec<Point> = (0..100).map(|x| (f64::from(x), noise(x))).collect();
        let calm = smooth(&noisy, 5);
        assert!(calm.iter().all(|(_, y)| y.abs() < 0.2), "{calm:?}");
    }

    #[test]
    fn few_points_come_out_as_they_are() {
        assert_eq!(smooth(&[], 3), []);
        assert_eq!(smooth(&[(1.0, 2.0)], 3), [(1.0, 2.0)]);
        assert_eq!(reach(50), 0);
    }

    #[test]
    fn fewer_points_keep_both_ends() {
        let points: Vec<Point> = (0..1000).map(|x| (f64::from(x), 0.0)).collect();
        let few = every(points.clone(), 10);
        assert_eq!((few.len(), few[0], few[9]), (10, points[0], points[999]));
        assert_eq!(every(points.clone(), 1000), points);
    }
}
