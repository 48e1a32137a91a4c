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
    classes: usize,
    device: &'a Device,
}

impl<'a> Sampler<'a> {
    /// Samples from a `generator` with `model`'s sizes that lives on `device`, without autodiff.
    pub fn new(generator: &'a Generator, model: &ModelConfig, device: &'a Device) -> Self {
        let classes = model.classes().unwrap_or(0);
        Self { generator, latent: model.latent, image: model.image, classes, device }
    }

    /// Samples `first..first + count` of `seed`, `[count, height, width, channels]` row-major,
    /// 0 to 255. `labels` has the class of each, for a model with classes, whose classes otherwise
    /// take turns; the latent vector of a sample does not depend on its class.
    pub fn samples(&self, seed: u64, first: u64, count: usize, labels: Option<&[u16]>) -> Vec<u8> {
        let turns = (self.classes > 0 && labels.is_none()).then(|| self.turns(first, count));
        let labels = labels.or(turns.as_deref());
        let mut pixels = Vec::with_capacity(count * self.image.len());
        for start in (0..count).step_by(CHUNK) {
            let rows = start..count.min(start + CHUNK);
            let latent = |row| sample_latent(seed, first + row as u64, self.latent);
            let latents: Vec<f32> = rows.clone().flat_map(latent).collect();
            pixels.extend(self.generate(&latents, labels.map(|labels| &labels[rows])));
        }
        pixels
    }

    /// The classes of samples `first..first + count` where none are asked for: they take turns.
    pub fn turns(&self, first: u64, count: usize) -> Vec<u16> {
        let classes = self.classes.max(1) as u64;
        (first..first + count as u64).map(|index| (index % classes) as u16).collect()
    }

    /// The images of latent vectors `[n, latent]`: `[n, height, width, channels]` row-major,
    /// 0 to 255. `labels` are as for [`samples`](Self::samples).
    pub fn generate(&self, latents: &[f32], labels: Option<&[u16]>) -> Vec<u8> {
        let mut pixels = Vec::with_capacity(latents.len() / self.latent * self.image.len());
        for (index, latents) in latents.chunks(CHUNK * self.latent).enumerate() {
            let count = latents.len() / self.latent;
            // A sample must not depend on how many others are generated. On the CPU our layers
            // compute every row alike; another device's product may round differently at another
            // size, so there it is always of the same size and the last rows are not used.
            let rows = if is_cpu(self.device) { count } else { CHUNK };
            let mut input = buffer(rows * self.latent);
            let (used, rest) = input.split_at_mut(latents.len());
            used.copy_from_slice(latents);
            rest.fill(0.0);
            let input = Tensor::from_data(tensor_data(input, [rows, self.latent]), self.device);
            let labels = labels.map(|labels| {
                let mut padded = labels[index * CHUNK..][..count].to_vec();
                padded.resize(rows, 0);
                one_hot(&padded, self.classes, self.device)
            });
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
