//! The real images of a step.

use gan_kernels::buffer;

/// The real images of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[d_steps * batch, height, width, channels]` in [−1, 1], row-major.
    pub images: Vec<f32>,
    /// Their classes, `[d_steps * batch]`, for a model with classes.
    pub labels: Option<Vec<u16>>,
}

impl Batch {
    /// Brings the images of each of `updates` batches into the order of their classes, as generated
    /// ones are: most groups of the minibatch deviation, and most packs, then have images of one
    /// class, and show how much these vary.
    pub(crate) fn sort(&mut self, updates: usize, len: usize) {
        let Some(labels) = &mut self.labels else { return };
        let mut order: Vec<usize> = (0..labels.len()).collect();
        for order in order.chunks_mut((labels.len() / updates).max(1)) {
            order.sort_by_key(|&index| labels[index]);
        }
        let mut images = buffer(self.images.len());
        for (to, &from) in images.chunks_exact_mut(len).zip(&order) {
            to.copy_from_slice(&self.images[from * len..][..len]);
        }
        *labels = order.iter().map(|&index| labels[index]).collect();
        self.images = images;
    }
}

/// A batch without labels.
impl From<Vec<f32>> for Batch {
    fn from(images: Vec<f32>) -> Self {
        Self { images, labels: None }
    }
}

/// Divides into equal parts; a single part is not copied.
pub(crate) fn split(numbers: Vec<f32>, parts: usize) -> Vec<Vec<f32>> {
    if parts == 1 {
        return vec![numbers];
    }
    let part = |from: &[f32]| {
        let mut part = buffer(from.len());
        part.copy_from_slice(from);
        part
    };
    numbers.chunks_exact(numbers.len() / parts).map(part).collect()
}
