//! The inputs and outputs of a pair of nets.

use gan_core::ImageShape;

/// The inputs and outputs of a pair of nets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NetIo {
    /// The images that are generated and classified.
    pub image: ImageShape,
    /// Numbers in a latent vector.
    pub latent: usize,
    /// Classes of a conditional model.
    pub classes: Option<usize>,
    /// Images that share one logit.
    pub pack: usize,
}
