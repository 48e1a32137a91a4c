//! Recorded losses and files, which detect any change of the computation.

use gan_model::checkpoint::{OLDEST_VERSION, VERSION};

use crate::util::{CPU, Place};
use crate::whole::read_whole;

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
fn the_first_ten_losses_are_as_recorded() {
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

/// A checkpoint of each readable version, written by the program of that version, with a sample
/// that it generated.
const VERSIONS: [(u8, &[u8], &[u8]); 4] = [
    (2, include_bytes!("../golden/version-2.mpk"), include_bytes!("../golden/version-2.npy")),
    // With all options: batch and spectral normalisation, minibatch deviation, a schedule.
    (3, include_bytes!("../golden/version-3.mpk"), include_bytes!("../golden/version-3.npy")),
    // With the pixel mean.
    (4, include_bytes!("../golden/version-4.mpk"), include_bytes!("../golden/version-4.npy")),
    // With a family, and the tensors named by layer.
    (5, include_bytes!("../golden/version-5.mpk"), include_bytes!("../golden/version-5.npy")),
];

#[test]
fn every_checkpoint_version_generates_its_samples_and_resumes() {
    let versions = VERSIONS.map(|(version, ..)| u64::from(version));
    assert!((OLDEST_VERSION..=VERSION).eq(versions), "{versions:?}");
    for (version, checkpoint, sample) in VERSIONS {
        let place = Place::new();
        place.write("ckpt.mpk", checkpoint);
        assert_eq!(checkpoint[31], version);
        assert_eq!(read_whole(&place.path("ckpt.mpk")), 3);
        place.sample("--checkpoint ckpt.mpk --count 1 --out one.npy").ok();
        let npy = place.read("one.npy");
        assert_eq!(npy.len(), sample.len());
        // Another processor may round differently.
        assert!(npy.iter().zip(sample).all(|(a, b)| a.abs_diff(*b) <= 1));

        let ran = place.gan_train(&format!(
            "--resume ckpt.mpk --dataset synthetic --epochs 5 --device {CPU} --quiet --json --out run"
        ));
        assert_eq!(ran.ok().object()["epochs"], 5);
        // It is written in the current version.
        assert_eq!(u64::from(place.read("run/ckpt.mpk")[31]), VERSION);
    }
}
