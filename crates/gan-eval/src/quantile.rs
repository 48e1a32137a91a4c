//! Quantiles of a list of numbers, shared by the measures that read off one.

/// The number at `q` in [0, 1] of a list in rising order, on the straight line between its
/// two neighbours there (Hyndman & Fan 1996, definition 7, which is NumPy's default).
///
/// # Panics
/// When the list is empty.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    assert!(!sorted.is_empty(), "no numbers to take a quantile of");
    let last = sorted.len() - 1;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[place as usize], sorted[(place as usize + 1).min(last)]);
    // Equal ends first: between two infinities there is no line.
    if low == high { low } else { low + (high - low) * place.fract() }
}

/// The numbers as `f64`, in rising order, with those that are not a number last.
pub(crate) fn sorted<T: Copy + Into<f64>>(numbers: &[T]) -> Vec<f64> {
    let mut sorted: Vec<f64> = numbers.iter().map(|&x| x.into()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_on_the_line_between_two_numbers() {
        let list = sorted(&[4.0_f32, 1.0, 2.0]);
        let at: Vec<f64> = [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| quantile(&list, q)).to_vec();
        assert_eq!(at, [1.0, 1.5, 2.0, 3.0, 4.0]);
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
    }
}
