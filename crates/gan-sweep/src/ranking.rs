//! Trials compared.

use std::collections::BTreeMap;

use crate::folder::Progress;
use crate::sweep::{Settings, Sweep};

/// Trials that differ in their seeds alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Their name.
    pub name: String,
    /// What distinguishes them from others.
    pub varied: Settings,
    /// Indices of its trials.
    pub trials: Vec<usize>,
    /// The latest epoch that all measured trials reached, and the values there.
    pub epoch: u64,
    /// The values of the target, of the trials that have one.
    pub values: Vec<f64>,
}

impl Group {
    /// The mean of the values; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        let count = self.values.len();
        (count > 0).then(|| self.values.iter().sum::<f64>() / count as f64)
    }

    /// The sample standard deviation over the seeds; `None` of fewer than two values.
    pub fn deviation(&self) -> Option<f64> {
        let (mean, count) = (self.mean()?, self.values.len());
        let squares = self.values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        (count > 1).then(|| (squares / (count - 1) as f64).sqrt())
    }
}

/// The groups of a sweep, the best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// In the order of how far their trainings came, then of their means; without values last.
    pub groups: Vec<Group>,
    /// The best single trial, and its value.
    pub best: Option<(usize, f64)>,
}

impl Ranking {
    /// Compares the trials of a sweep by their last values.
    pub fn of(sweep: &Sweep, progress: &[Progress]) -> Self {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let last = |trial: usize| progress[trial].values.last().copied();
        for (index, trial) in sweep.trials.iter().enumerate() {
            let place = *places.entry(&trial.group).or_insert_with(|| {
                let (name, varied) = (trial.group.clone(), trial.varied.clone());
                groups.push(Group {
                    name,
                    varied,
                    trials: Vec::new(),
                    epoch: 0,
                    values: Vec::new(),
                });
                groups.len() - 1
            });
            groups[place].trials.push(index);
        }
        for group in &mut groups {
            let measured = || group.trials.iter().filter_map(|&trial| last(trial));
            group.epoch = measured().map(|(epoch, _)| epoch).max().unwrap_or(0);
            group.values = measured()
                .filter(|(epoch, _)| *epoch == group.epoch)
                .map(|(_, value)| value)
                .collect();
        }
        let target = sweep.target;
        groups.sort_by(|a, b| {
            b.epoch.cmp(&a.epoch).then_with(|| match (a.mean(), b.mean()) {
                (Some(a), Some(b)) => target.compare(a, b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            })
        });
        let measured = (0..progress.len()).filter_map(|trial| Some((trial, last(trial)?)));
        let best =
            measured.min_by(|(_, (a, x)), (_, (b, y))| b.cmp(a).then(target.compare(*x, *y)));
        Self { groups, best: best.map(|(trial, (_, value))| (trial, value)) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::measure::{Measure, Target};
    use crate::sweep::Trial;

    fn ranked(minimise: bool, trials: &[(&str, &[(u64, f64)])]) -> Ranking {
        let trial = |(index, (group, _)): (usize, &(&str, _))| Trial {
            name: format!("{group}-{index}"),
            group: (*group).into(),
            varied: Settings::new(),
            settings: Settings::new(),
        };
        let target = Target { measure: Measure::Frechet, minimise };
        let sweep = Sweep {
            target,
            halving: None,
            feature_extractor: None,
            directory: PathBuf::new(),
            trials: trials.iter().enumerate().map(trial).collect(),
        };
        let progress = |(_, values): &(&str, &[(u64, f64)])| Progress {
            state: None,
            epochs: 0,
            values: values.to_vec(),
            seconds: 0.0,
            damage: None,
        };
        Ranking::of(&sweep, &trials.iter().map(progress).collect::<Vec<_>>())
    }

    #[test]
    fn groups_are_ranked_by_how_far_they_came_and_then_by_their_means() {
        let trials: &[(&str, &[(u64, f64)])] = &[
            ("a", &[(9, 3.0)]),
            ("none", &[]),
            ("b", &[(3, 7.0), (9, 1.0)]),
            ("a", &[(9, 5.0)]),
            ("b", &[(3, 0.5)]),
            ("short", &[(3, 0.1)]),
        ];
        let ranking = ranked(true, trials);
        let names: Vec<_> = ranking.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "short", "none"]);
        assert_eq!(ranking.best, Some((2, 1.0)), "of those that came as far");
        let [b, a, _, none] = &ranking.groups[..] else { panic!() };
        assert_eq!((a.mean(), a.deviation()), (Some(4.0), Some(2.0_f64.sqrt())));
        assert_eq!((b.values.as_slice(), b.deviation(), b.trials.len()), (&[1.0][..], None, 2));
        assert_eq!((none.mean(), none.epoch), (None, 0));
        assert_eq!(ranked(false, trials).best, Some((3, 5.0)));
        assert_eq!(ranked(true, &[("x", &[])]).best, None);
    }
}
