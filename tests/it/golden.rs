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

/// A checkpoint that an earlier program wrote, with a sample that it generated.
struct Golden {
    version: u8,
    checkpoint: &'static [u8],
    sample: &'static [u8],
    /// How the sample was asked for.
    flags: &'static str,
}

macro_rules! golden {
    ($version:literal, $name:literal, $flags:literal) => {
        Golden {
            version: $version,
            checkpoint: include_bytes!(concat!("../golden/", $name, ".mpk")),
            sample: include_bytes!(concat!("../golden/", $name, ".npy")),
            flags: $flags,
        }
    };
}

/// One or more of each readable version.
const GOLDEN: [Golden; 6] = [
    golden!(2, "version-2", ""),
    // With all options: batch and spectral normalisation, minibatch deviation, a schedule.
    golden!(3, "version-3", ""),
    // With the pixel mean.
    golden!(4, "version-4", ""),
    // With a family, and the tensors named by layer.
    golden!(5, "version-5", ""),
    // The recipe of that name, with classes.
    golden!(5, "conditional", "--class 7"),
    // Convolutional, with classes.
    golden!(5, "conv", "--class 7"),
];

#[test]
fn every_checkpoint_version_generates_its_samples_and_resumes() {
    let mut versions = GOLDEN.each_ref().map(|golden| u64::from(golden.version)).to_vec();
    versions.dedup();
    assert!((OLDEST_VERSION..=VERSION).eq(versions.iter().copied()), "{versions:?}");
    for Golden { version, checkpoint, sample, flags } in GOLDEN {
        let place = Place::new();
        place.write("ckpt.mpk", checkpoint);
        assert_eq!(checkpoint[31], version);
        assert_eq!(read_whole(&place.path("ckpt.mpk")), 3);
        place.sample(&format!("--checkpoint ckpt.mpk --count 1 --out one.npy {flags}")).ok();
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
