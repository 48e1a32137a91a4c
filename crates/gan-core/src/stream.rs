//! All randomness: named streams on the host, each from `(seed, purpose, index)`.
//!
//! A stream depends on nothing else, so a training's random state is its number of epochs, and
//! generating a preview never disturbs training. Only the built-in digits have streams of their own.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// What a stream is used for, with its tag. Two purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights of the generator; the index is the layer.
    GeneratorWeights = tag(*b"g-weight"),
    /// Initial weights of the discriminator; the index is the layer.
    DiscriminatorWeights = tag(*b"d-weight"),
    /// Which real images are in a step's batch; the index is the step.
    Batch = tag(*b"batch   "),
    /// Latents of a discriminator update; the index is the update.
    DiscriminatorNoise = tag(*b"d-noise "),
    /// Latents of a generator update; the index is the step.
    GeneratorNoise = tag(*b"g-noise "),
    /// The latent of a sample; the index is the sample's.
    Sample = tag(*b"picture "),
    /// Start of the power iteration for a layer's largest singular value; the index is the layer.
    SpectralDirection = tag(*b"spectral"),
    /// Latents that batch normalisation's population statistics are computed from, index 0, and their
    /// classes, index 1.
    Population = tag(*b"populate"),
    /// Dropout in a discriminator update; the index is the update.
    DiscriminatorDropout = tag(*b"d-drop  "),
    /// Dropout in the discriminator during a generator update; the index is the step.
    GeneratorDropout = tag(*b"g-drop  "),
    /// Instance noise in a discriminator update; the index is the update.
    DiscriminatorImages = tag(*b"d-images"),
    /// Instance noise in a generator update; the index is the step.
    GeneratorImages = tag(*b"g-images"),
    /// Augmentation in a discriminator update; the index is the update.
    DiscriminatorAugment = tag(*b"d-augmen"),
    /// Augmentation in a generator update; the index is the step.
    GeneratorAugment = tag(*b"g-augmen"),
    /// Classes of the samples in a discriminator update; the index is the update.
    DiscriminatorLabels = tag(*b"d-labels"),
    /// Classes of the samples in a generator update; the index is the step.
    GeneratorLabels = tag(*b"g-labels"),
    /// Classes that the samples of an evaluation are asked for; index 0.
    SampleLabels = tag(*b"s-labels"),
    /// Initial weights of a feature extractor; the index is the layer.
    ExtractorWeights = tag(*b"r-weight"),
    /// Order of the images while a feature extractor is trained; the index is the pass.
    ExtractorOrder = tag(*b"r-order "),
    /// Augmentation of the images while a feature extractor is trained; the index is the update.
    ExtractorWarp = tag(*b"r-warp  "),
    /// Dropout while a feature extractor is trained; the index is twice the update, plus the layer.
    ExtractorDropout = tag(*b"r-drop  "),
    /// Resamples of a bootstrap; the index is the measure.
    Bootstrap = tag(*b"bootstrp"),
    /// Settings of a random search; the index is the trial.
    Search = tag(*b"search  "),
    /// Which training images are measured in place of samples; index 0.
    Floor = tag(*b"stand-in"),
    /// A random subset of images; the index is what for: 0 the reference's neighbours, 1 and 2
    /// the samples and test images of the memorisation measures, 3 the real images that a run shows, 4
    /// the samples of another program, 5 the samples that a classifier is trained on.
    Subset = tag(*b"subset  "),
    /// Which images of a data set without test images are held out as such; index 0 of seed 0.
    HoldOut = tag(*b"hold out"),
}

/// Part of what makes trainings repeat: never change or reuse a tag.
const fn tag(name: [u8; 8]) -> u64 {
    u64::from_le_bytes(name)
}

/// The stream of `seed` for `purpose` at `index`: `ChaCha8` with the seed (little-endian)
/// and the purpose's tag in its key, and the index as its nonce.
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}

/// The next `count` standard normal numbers of a stream.
pub fn normal(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    rng.sample_iter(StandardNormal).take(count).collect()
}

/// Fills `numbers` with the next standard normal ones of a stream.
pub fn fill_normal(rng: &mut ChaCha8Rng, numbers: &mut [f32]) {
    numbers.iter_mut().zip(rng.sample_iter(StandardNormal)).for_each(|(to, from)| *to = from);
}

/// Fills a dropout mask from the next numbers of a stream: zero with probability `rate`, and
/// 1 / (1 − `rate`) otherwise, so that the mean is 1.
pub fn fill_dropout(rng: &mut ChaCha8Rng, rate: f64, mask: &mut [f32]) {
    let threshold = (rate * 2_f64.powi(32)) as u64;
    let kept = (1.0 / (1.0 - rate)) as f32;
    for x in mask {
        *x = if u64::from(rng.next_u32()) < threshold { 0.0 } else { kept };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_and_differs_from_every_other() {
        let first = |seed, purpose, index| normal(&mut stream(seed, purpose, index), 4);
        let reference = first(1, Purpose::Batch, 2);
        assert_eq!(reference, first(1, Purpose::Batch, 2));
        assert_ne!(reference, first(2, Purpose::Batch, 2));
        assert_ne!(reference, first(1, Purpose::Sample, 2));
        assert_ne!(reference, first(1, Purpose::Batch, 3));
    }

    #[test]
    fn dropout_has_its_rate_and_keeps_the_mean() {
        let mut mask = vec![0.0; 100_000];
        fill_dropout(&mut stream(3, Purpose::GeneratorDropout, 0), 0.3, &mut mask);
        let zeros = mask.iter().filter(|&&x| x == 0.0).count();
        assert!((29_000..31_000).contains(&zeros), "{zeros} zeros");
        let mean = mask.iter().sum::<f32>() / 1e5;
        assert!((mean - 1.0).abs() < 0.02, "mean {mean}");
    }

    #[test]
    fn noise_is_standard_normal() {
        let noise = normal(&mut stream(3, Purpose::GeneratorNoise, 0), 100_000);
        let mean = noise.iter().sum::<f32>() / 1e5;
        let variance = noise.iter().map(|x| x * x).sum::<f32>() / 1e5;
        assert!(mean.abs() < 0.01, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.02, "variance {variance}");
    }
}
