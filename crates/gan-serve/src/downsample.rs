//! Fewer rows that look the same on a chart.

use std::collections::BTreeSet;

use crate::metrics::MetricsRow;

/// What is drawn of a row.
const CURVES: [fn(&MetricsRow) -> f32; 4] =
    [|row| row.d_loss, |row| row.g_loss, |row| row.d_real, |row| row.d_fake];

/// At most `most` of the rows, in order: the first and the last, those with a measurement or a
/// finding (all of these, be they more than `most`), and from each stretch of the others the
/// least and the greatest of both losses, D(real) and D(fake). A chart of these shows the same
/// peaks.
#[must_use]
pub fn thin(rows: &[MetricsRow], most: usize) -> Vec<MetricsRow> {
    if rows.len() <= most {
        return rows.to_vec();
    }
    let told = |(at, row): (usize, &MetricsRow)| {
        (row.quality.is_some() || row.finding.is_some()).then_some(at)
    };
    let mut kept: BTreeSet<usize> = rows.iter().enumerate().filter_map(told).collect();
    kept.extend([0, rows.len() - 1]);
    let stretches = most.saturating_sub(kept.len()) / (2 * CURVES.len());
    for stretch in 0..stretches {
        let at = |stretch| stretch * rows.len() / stretches;
        let range = at(stretch)..at(stretch + 1);
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
    use super::*;
    use crate::Warning;
    use crate::metrics::tests::row;

    #[test]
    fn few_rows_stay_as_they_are() {
        assert_eq!(thin(&[], 10), []);
        let rows: Vec<_> = (1..=10).map(row).collect();
        assert_eq!(thin(&rows, 10), rows);
    }

    #[test]
    fn ends_peaks_and_what_was_said_stay() {
        let mut rows: Vec<_> = (1..=10_000).map(row).collect();
        rows[4321].g_loss = 99.0;
        rows[1234].d_real = 0.001;
        rows[777].finding = Some(Warning::Collapse);
        for most in [100, 1000] {
            let thinned = thin(&rows, most);
            assert!(thinned.len() <= most, "{}", thinned.len());
            assert!(thinned.is_sorted_by_key(|row| row.epoch));
            let epochs: Vec<u64> = thinned.iter().map(|row| row.epoch).collect();
            for epoch in [1, 778, 1235, 4322, 10_000] {
                assert!(epochs.contains(&epoch), "{epoch} of {most}");
            }
        }
        let epochs: Vec<u64> = thin(&rows, 0).iter().map(|row| row.epoch).collect();
        assert_eq!(epochs, [1, 778, 10_000], "these stay always");
    }
}
