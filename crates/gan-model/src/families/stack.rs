//! Parts of stacks of layers that families share.

use gan_kernels::Activation;

use super::net_io::NetIo;
use crate::config::{ClassHead, Conditional};
use crate::layers::{AffineSpec, LayerSpec};

/// The activation of every hidden layer of both nets.
pub(super) const HIDDEN: Activation = Activation::LeakyRelu(0.2);

/// A learnt vector of the class, appended to `inputs` values.
pub(super) fn class_vector(inputs: usize, conditional: Conditional) -> LayerSpec {
    let Conditional { classes, class_embedding: size, .. } = conditional;
    LayerSpec::Embedding { inputs, classes, size }
}

/// The end of a discriminator, from its last features to one logit, and with an auxiliary
/// classifier one for each class: the deviation over `stddev` rows (unless it is 0), and a layer.
pub(super) fn head(
    inputs: usize,
    stddev: usize,
    spectral_norm: bool,
    io: NetIo,
) -> impl Iterator<Item = LayerSpec> {
    let deviation = (stddev > 0).then_some(LayerSpec::MinibatchStddev { inputs, group: stddev });
    let inputs = deviation.as_ref().map_or(inputs, LayerSpec::outputs);
    let dense = |outputs| {
        let dense = AffineSpec::dense(inputs, outputs, Activation::None);
        LayerSpec::Dense(AffineSpec { spectral_norm, ..dense })
    };
    let classes = io.conditional.map_or(0, |known| known.classes.saturating_mul(io.pack));
    let last = match io.conditional.map(|conditional| conditional.class_head) {
        Some(ClassHead::Projection) => {
            LayerSpec::Projection { inputs, classes, predicted: 0, spectral_norm }
        }
        Some(ClassHead::ProjectionAuxiliary) => {
            LayerSpec::Projection { inputs, classes, predicted: classes, spectral_norm }
        }
        Some(ClassHead::Auxiliary) => dense(classes.saturating_add(1)),
        Some(ClassHead::Concatenation) | None => dense(1),
    };
    deviation.into_iter().chain([last])
}
