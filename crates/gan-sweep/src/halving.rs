//! Asynchronous successive halving (ASHA; Li et al. 2020, algorithm 2).

use serde::{Deserialize, Serialize};

use crate::measure::Target;

/// Trials are measured at rungs: after `first` epochs, `factor` times as many, and so on. Of those
/// that reached a rung, the best one in `factor` continue to the next one; since resuming is
/// exact, they do not begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// Epochs of the first rung.
    pub first: u64,
    /// How many trials are measured for one that continues: 2 or more.
    #[serde(default = "default_factor")]
    pub factor: u64,
}

const fn default_factor() -> u64 {
    3
}

impl Halving {
    pub(crate) fn check(self) -> Result<(), String> {
        if self.first == 0 {
            return Err("halving: first is 0; expected 1 epoch or more".into());
        }
        if self.factor < 2 {
            return Err(format!("halving: factor is {}; expected 2 or more", self.factor));
        }
        Ok(())
    }

    /// The rungs of a training of `total` epochs; the last one is its end.
    pub fn rungs(self, total: u64) -> Vec<u64> {
        let mut rungs = Vec::new();
        let mut next = self.first;
        while next < total {
            rungs.push(next);
            next = next.saturating_mul(self.factor);
        }
        rungs.push(total);
        rungs
    }

    /// Which of the trials that reached a rung continue: the best one in `factor`, rounded down.
    /// Equal ones in their order.
    pub(crate) fn promoted(self, target: Target, values: &[(usize, f64)]) -> Vec<usize> {
        let mut order = values.to_vec();
        order.sort_by(|a, b| target.compare(a.1, b.1).then(a.0.cmp(&b.0)));
        let count = values.len() / usize::try_from(self.factor).unwrap_or(usize::MAX);
        order.into_iter().take(count).map(|(index, _)| index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Measure;

    #[test]
    fn rungs_grow_by_the_factor_and_end_with_the_training() {
        let rungs = |first, factor, total| Halving { first, factor }.rungs(total);
        assert_eq!(rungs(100, 3, 2000), [100, 300, 900, 2000]);
        assert_eq!(rungs(100, 2, 400), [100, 200, 400]);
        assert_eq!(rungs(500, 3, 400), [400]);
        assert_eq!(rungs(1 << 62, 4, u64::MAX), [1 << 62, u64::MAX]);
    }

    #[test]
    fn the_best_third_is_promoted() {
        let halving = Halving { first: 1, factor: 3 };
        let values = [(4, 9.0), (5, 1.0), (6, 4.0), (7, 3.0), (8, 1.0), (9, 2.0), (10, 8.0)];
        let promoted =
            |minimise| halving.promoted(Target { measure: Measure::Frechet, minimise }, &values);
        assert_eq!(promoted(true), [5, 8]);
        assert_eq!(promoted(false), [4, 10]);
        let few = &values[..2];
        assert_eq!(
            halving.promoted(Target { measure: Measure::Frechet, minimise: true }, few),
            [0; 0]
        );
    }
}
