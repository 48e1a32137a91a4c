//! The inputs and outputs of a pair of nets.

use gan_core::ImageShape;

use crate::config::Conditional;

/// The inputs and outputs of a pair of nets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NetIo {
    /// The images that are generated and classified.
    pub image: ImageShape,
    /// Numbers in a latent vector.
    pub latent: usize,
    /// How classes are used, if they are.
    pub conditional: Option<Conditional>,
    /// Images that share one logit.
    pub pack: usize,
}
