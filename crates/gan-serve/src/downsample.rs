//! Downsampling rows for charts.

use std::collections::BTreeSet;

use gan_run::MetricsRow;

/// The curves whose extremes are kept.
const CURVES: [fn(&MetricsRow) -> f32; 4] =
    [|row| row.d_loss, |row| row.g_loss, |row| row.d_real, |row| row.d_fake];

/// At most `max` rows, in order: the first and the last, all with an evaluation or a warning (even
/// if they are more than `max`), and of each section of the others the minima and maxima of both
/// losses, D(real) and D(fake), so that no peak is lost.
pub(crate) fn downsample(rows: &[MetricsRow], max: usize) -> Vec<MetricsRow> {
    if rows.len() <= max {
        return rows.to_vec();
    }
    let important = |(at, row): (usize, &MetricsRow)| {
        (row.quality.is_some() || row.warning.is_some()).then_some(at)
    };
    let mut kept: BTreeSet<usize> = rows.iter().enumerate().filter_map(important).collect();
    kept.extend([0, rows.len() - 1]);
    let sections = max.saturating_sub(kept.len()) / (2 * CURVES.len());
    for section in 0..sections {
        let at = |section| section * rows.len() / sections;
        let range = at(section)..at(section + 1);
        for curve in CURVES {
            let order = |a: &usize, b: &usize| curve(&rows[*a]).total_cmp(&curve(&rows[*b]));
            kept.extend(range.clone().min_by(order));
            kept.extend(range.clone().max_by(order));
        }
    }
    kept.into_iter().map(|at| rows[at].clone()).collect()
}

#[cfg(test)]
mod tests {
    use gan_run::Warning;

    use super::*;

    fn row(epoch: u64) -> MetricsRow {
        MetricsRow { epoch, d_loss: 0.5, g_loss: 1.0, d_real: 0.7, ..MetricsRow::default() }
    }

    #[test]
    fn few_rows_are_not_downsampled() {
        assert_eq!(downsample(&[], 10), []);
        let rows: Vec<_> = (1..=10).map(row).collect();
        assert_eq!(downsample(&rows, 10), rows);
    }

    #[test]
    fn ends_peaks_and_warnings_are_kept() {
        let mut rows: Vec<_> = (1..=10_000).map(row).collect();
        rows[4321].g_loss = 99.0;
        rows[1234].d_real = 0.001;
        rows[777].warning = Some(Warning::Collapse);
        for max in [100, 1000] {
            let few = downsample(&rows, max);
            assert!(few.len() <= max, "{}", few.len());
            assert!(few.is_sorted_by_key(|row| row.epoch));
            let epochs: Vec<u64> = few.iter().map(|row| row.epoch).collect();
            for epoch in [1, 778, 1235, 4322, 10_000] {
                assert!(epochs.contains(&epoch), "{epoch} of {max}");
            }
        }
        let epochs: Vec<u64> = downsample(&rows, 0).iter().map(|row| row.epoch).collect();
        assert_eq!(epochs, [1, 778, 10_000], "always kept");
    }
}
