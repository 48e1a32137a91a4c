//! The first ten losses, so that a change of what is computed does not go unseen.

use crate::util::Place;

/// Losses of the discriminator and the generator at seed 0.
const LOSSES: [[f64; 2]; 10] = [
    [0.622_901_2, 0.775_003_7],
    [0.526_096_3, 0.735_567_33],
    [0.466_251_1, 0.710_097_85],
    [0.475_332_62, 0.753_463_7],
    [0.434_904_5, 0.697_110_1],
    [0.442_599_8, 0.695_785_5],
    [0.415_706_04, 0.709_547_4],
    [0.420_614_66, 0.691_412_3],
    [0.407_791_32, 0.678_614_8],
    [0.416_279_4, 0.689_768_85],
];

#[test]
fn the_first_ten_losses_are_those_that_were_recorded() {
    let place = Place::new();
    place.train("--epochs 10 --sample-every 1 --recipe plain --quiet --out run").ok();
    let rows = place.rows("run");
    assert_eq!(rows.len(), LOSSES.len());
    for (row, expected) in rows.iter().zip(LOSSES) {
        for (name, expected) in ["d_loss", "g_loss"].into_iter().zip(expected) {
            let found = row[name].as_f64().unwrap();
            let off = (found - expected).abs() / expected;
            assert!(off < 1e-4, "{name} of {row}, expected {expected}");
        }
    }
}
