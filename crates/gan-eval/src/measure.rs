//! A value with its interval, both within the range that is possible.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The possible values of a share.
pub(crate) const SHARE: RangeInclusive<f64> = 0.0..=1.0;
/// The possible values of a distance, or of a ratio of distances.
pub(crate) const DISTANCE: RangeInclusive<f64> = 0.0..=f64::INFINITY;

/// A value with its 95% interval, from [`Measure::new`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The value.
    pub value: f64,
    /// Its interval, which contains the value, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

impl Measure {
    /// Limits `value` and both ends of `interval` to the `range` of values that are possible, then
    /// widens the interval to the value. NaN remains NaN.
    pub fn new(value: f64, interval: Option<[f64; 2]>, range: RangeInclusive<f64>) -> Self {
        let limited = |x: f64| x.clamp(*range.start(), *range.end());
        let value = limited(value);
        let interval =
            interval.map(|[low, high]| [limited(low).min(value), limited(high).max(value)]);
        Self { value, interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_contains_its_value_and_only_possible_ones() {
        let interval = |value, interval| Measure::new(value, Some(interval), SHARE).interval;
        assert_eq!(interval(0.5, [0.25, 0.75]), Some([0.25, 0.75]));
        assert_eq!(interval(0.5, [0.6, 1.2]), Some([0.5, 1.0]));
        assert_eq!(interval(0.5, [-0.2, 0.4]), Some([0.0, 0.5]));
        assert_eq!(interval(-0.1, [-0.3, -0.2]), Some([0.0, 0.0]));
        assert_eq!(Measure::new(-0.1, None, SHARE), Measure { value: 0.0, interval: None });
        assert!(Measure::new(f64::NAN, None, DISTANCE).value.is_nan());
    }
}
