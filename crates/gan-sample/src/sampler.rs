//! Latent vectors through the generator to pixels.

use burn::tensor::{Device, Tensor};
use gan_kernels::{buffer, tensor_data};
use gan_model::device::is_cpu;
use gan_model::{Generator, ModelConfig};

use crate::latent::sample_latent;

/// Vectors that go through the generator at once.
const CHUNK: usize = 256;

/// A generator, ready to draw.
pub struct Sampler<'a> {
    generator: &'a Generator,
    model: &'a ModelConfig,
    device: &'a Device,
}

impl<'a> Sampler<'a> {
    /// Draws with a `generator` of `model`'s sizes that lives on `device`, without autodiff.
    #[must_use]
    pub fn new(generator: &'a Generator, model: &'a ModelConfig, device: &'a Device) -> Self {
        Self { generator, model, device }
    }

    /// Pictures `first..first + count` of `seed`, `[count, height, width]` row-major,
    /// 0 (paper) to 255 (ink).
    #[must_use]
    pub fn pictures(&self, seed: u64, first: u64, count: usize) -> Vec<u8> {
        let mut pixels = Vec::with_capacity(count * self.model.image_len());
        let latent = |index| sample_latent(seed, index, self.model.latent);
        let end = first + count as u64;
        for chunk in (first..end).step_by(CHUNK) {
            let indices = chunk..end.min(chunk + CHUNK as u64);
            self.draw_chunk(&indices.flat_map(latent).collect::<Vec<_>>(), &mut pixels);
        }
        pixels
    }

    /// The images of latent vectors that lie one after the other: `[n, latent]` to
    /// `[n, height, width]`, row-major, 0 (paper) to 255 (ink).
    #[must_use]
    pub fn draw(&self, latents: &[f32]) -> Vec<u8> {
        let mut pixels =
            Vec::with_capacity(latents.len() / self.model.latent * self.model.image_len());
        for chunk in latents.chunks(CHUNK * self.model.latent) {
            self.draw_chunk(chunk, &mut pixels);
        }
        pixels
    }

    fn draw_chunk(&self, latents: &[f32], pixels: &mut Vec<u8>) {
        let count = latents.len() / self.model.latent;
        // A picture must not depend on how many others are drawn. On the CPU our layers
        // compute every row alike; another device's product may round differently at
        // another size, so there it is always of the same, the last rows of no use.
        let rows = if is_cpu(self.device) { count } else { CHUNK };
        let mut input = buffer(rows * self.model.latent);
        let (used, rest) = input.split_at_mut(latents.len());
        used.copy_from_slice(latents);
        rest.fill(0.0);
        let input = tensor_data(input, [rows, self.model.latent]);
        let images = self.generator.forward(Tensor::from_data(input, self.device)).into_data();
        let used = count * self.model.image_len();
        match images.as_slice::<f32>() {
            Ok(images) => pixels.extend(images[..used].iter().copied().map(to_byte)),
            // Of another type of float.
            Err(_) => pixels.extend(images.iter::<f32>().take(used).map(to_byte)),
        }
    }
}

/// From [−1, 1] to 0..=255, the published listing's 0.5 x + 0.5, to the nearest.
fn to_byte(x: f32) -> u8 {
    (x * 127.5 + 128.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanh_range_becomes_bytes() {
        assert_eq!([-1.0, 0.0, 1.0, -2.0, 2.0, f32::NAN].map(to_byte), [0, 128, 255, 0, 255, 0]);
    }

    #[test]
    fn a_picture_depends_on_its_seed_and_index_alone() {
        let device = Device::flex();
        let model = ModelConfig { latent: 7, generator_hidden: vec![32], ..ModelConfig::default() };
        let generator = Generator::init(&model, 3, &device);
        let sampler = Sampler::new(&generator, &model, &device);
        let all = sampler.pictures(9, 0, 507);
        assert_eq!(all.len(), 507 * 784);
        for (first, count) in [(0, 1), (3, 10), (64, 64), (60, 90), (7, 500)] {
            let expected = &all[first * 784..][..count * 784];
            assert_eq!(sampler.pictures(9, first as u64, count), expected);
        }
        assert_ne!(sampler.pictures(8, 0, 1), all[..784]);
        assert_ne!(all[..784], all[784..2 * 784], "pictures differ");
    }
}
