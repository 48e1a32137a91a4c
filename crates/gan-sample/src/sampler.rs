//! Latent vectors through the generator to pixels.

use burn::tensor::{Device, Tensor};
use gan_core::ImageShape;
use gan_kernels::{buffer, tensor_data};
use gan_model::device::is_cpu;
use gan_model::{Generator, ModelConfig, one_hot};

use crate::latent::sample_latent;

/// Vectors that go through the generator at once.
const CHUNK: usize = 256;

/// A generator, ready to sample from.
pub struct Sampler<'a> {
    generator: &'a Generator,
    latent: usize,
    image: ImageShape,
    classes: Option<usize>,
    truncation: f32,
    device: &'a Device,
}

impl<'a> Sampler<'a> {
    /// Samples from a `generator` with `model`'s sizes that lives on `device`, without autodiff.
    pub fn new(generator: &'a Generator, model: &ModelConfig, device: &'a Device) -> Self {
        let (latent, image, classes) = (model.latent, model.image, model.classes());
        Self { generator, latent, image, classes, truncation: 1.0, device }
    }

    /// Multiplies all latent vectors by `factor`. Below 1 they are nearer to the origin, where most of
    /// the training was: fewer samples are odd, and they vary less. (Brock et al. 2019, section 3.1,
    /// draw components again that are too large instead.)
    #[must_use]
    pub fn truncated(self, factor: f32) -> Self {
        Self { truncation: factor, ..self }
    }

    /// Samples `first..first + count` of `seed`, `[count, height, width, channels]` row-major,
    /// 0 to 255. `labels` has the class of each, for a model with classes, whose classes otherwise
    /// take turns; the latent vector of a sample does not depend on its class.
    ///
    /// # Panics
    /// When there is not one label a sample, or one is not below the number of classes.
    pub fn samples(&self, seed: u64, first: u64, count: usize, labels: Option<&[u16]>) -> Vec<u8> {
        let turns = labels.is_none().then(|| self.turns(first, count)).flatten();
        let labels = labels.or(turns.as_deref()).zip(self.classes);
        let mut pixels = Vec::with_capacity(count * self.image.len());
        for start in (0..count).step_by(CHUNK) {
            let rows = start..count.min(start + CHUNK);
            let latent = |row| sample_latent(seed, first + row as u64, self.latent);
            let latents: Vec<f32> = rows.clone().flat_map(latent).collect();
            let classes = labels.map(|(labels, classes)| one_hot(&labels[rows], classes));
            pixels.extend(self.generate(&latents, classes.as_deref()));
        }
        pixels
    }

    /// The classes of samples `first..first + count` where none are asked for: they take turns. None
    /// for a model without classes.
    fn turns(&self, first: u64, count: usize) -> Option<Vec<u16>> {
        let classes = self.classes? as u64;
        Some((first..first + count as u64).map(|index| (index % classes) as u16).collect())
    }

    /// The images of latent vectors `[n, latent]`: `[n, height, width, channels]` row-major,
    /// 0 to 255. A model with classes needs `classes`, `[n, classes]`: a one in the column of each
    /// sample's class, or weights that sum to one, for what lies between classes.
    ///
    /// # Panics
    /// When there is not one row of `classes` a latent vector.
    pub fn generate(&self, latents: &[f32], classes: Option<&[f32]>) -> Vec<u8> {
        let mut pixels = Vec::with_capacity(latents.len() / self.latent * self.image.len());
        let width = self.classes.unwrap_or(0);
        for (index, latents) in latents.chunks(CHUNK * self.latent).enumerate() {
            let count = latents.len() / self.latent;
            // A sample must not depend on how many others are generated. On the CPU our layers
            // compute every row alike; another device's product may round differently at another
            // size, so there it is always of the same size and the last rows are not used.
            let rows = if is_cpu(self.device) { count } else { CHUNK };
            let tensor = |numbers: &[f32], width: usize| {
                let mut padded = buffer(rows * width);
                let (used, rest) = padded.split_at_mut(numbers.len());
                used.copy_from_slice(numbers);
                rest.fill(0.0);
                Tensor::<2>::from_data(tensor_data(padded, [rows, width]), self.device)
            };
            let mut input = tensor(latents, self.latent);
            if self.truncation != 1.0 {
                input = input * self.truncation;
            }
            let labels =
                classes.map(|all| tensor(&all[index * CHUNK * width..][..count * width], width));
            let images = self.generator.forward(input, labels.as_ref()).into_data();
            let used = count * self.image.len();
            match images.as_slice::<f32>() {
                Ok(images) => pixels.extend(images[..used].iter().copied().map(to_byte)),
                // Of another type of float.
                Err(_) => pixels.extend(images.iter::<f32>().take(used).map(to_byte)),
            }
        }
        pixels
    }
}

/// From [−1, 1] to 0..=255, the published listing's 0.5 x + 0.5, to the nearest.
fn to_byte(x: f32) -> u8 {
    (x * 127.5 + 128.0) as u8
}

#[cfg(test)]
mod tests {
    use gan_model::DenseConfig;

    use super::*;

    #[test]
    fn the_range_of_tanh_becomes_bytes() {
        assert_eq!([-1.0, 0.0, 1.0, -2.0, 2.0, f32::NAN].map(to_byte), [0, 128, 255, 0, 255, 0]);
    }

    #[test]
    fn a_sample_depends_on_its_seed_and_index_alone() {
        let device = Device::flex();
        let dense = DenseConfig { generator_hidden: vec![32], ..DenseConfig::default() };
        let model = ModelConfig { latent: 7, ..ModelConfig::dense(dense) };
        let generator = Generator::init(&model, 3, &device);
        let sampler = Sampler::new(&generator, &model, &device);
        let all = sampler.samples(9, 0, 507, None);
        assert_eq!(all.len(), 507 * 784);
        for (first, count) in [(0, 1), (3, 10), (64, 64), (60, 90), (7, 500)] {
            let expected = &all[first * 784..][..count * 784];
            assert_eq!(sampler.samples(9, first as u64, count, None), expected);
        }
        assert_ne!(sampler.samples(8, 0, 1, None), all[..784]);
        assert_ne!(all[..784], all[784..2 * 784], "samples differ");
    }
}
