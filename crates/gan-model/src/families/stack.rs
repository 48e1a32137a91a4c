//! Parts of stacks of layers that families share.

use gan_kernels::Activation;

use super::net_io::NetIo;
use crate::config::{ClassHead, Conditional, ConfigError, MAX_WIDTH};
use crate::layers::{AffineSpec, LayerSpec};

/// The activation of every hidden layer of both nets.
pub(super) const HIDDEN: Activation = Activation::LeakyRelu(0.2);

/// The largest number of hidden dense layers of a net.
const MAX_HIDDEN: usize = 16;

/// Checks the units of hidden dense layers.
pub(super) fn check_hidden(name: &'static str, units: &[usize]) -> Result<(), ConfigError> {
    let found = units.len();
    ConfigError::unless(
        found <= MAX_HIDDEN,
        name,
        format_args!("{found} layers"),
        format_args!("at most {MAX_HIDDEN}"),
    )?;
    units.iter().try_for_each(|&width| ConfigError::unless_width(name, width, MAX_WIDTH))
}

/// A generator's dense layers between these widths, all hidden; with classes, each gets a learnt
/// vector of the class beside its values.
pub(super) fn generator_dense(
    widths: &[usize],
    batch_norm: bool,
    conditional: Option<Conditional>,
) -> Vec<LayerSpec> {
    let mut layers = Vec::new();
    for pair in widths.windows(2) {
        let mut inputs = pair[0];
        if let Some(conditional) = conditional {
            layers.push(class_vector(inputs, conditional));
            inputs = inputs.saturating_add(conditional.class_embedding);
        }
        let dense = AffineSpec::dense(inputs, pair[1], HIDDEN);
        layers.push(LayerSpec::Dense(AffineSpec { batch_norm, ..dense }));
    }
    layers
}

/// A discriminator's hidden dense layers, and how many values the last of them has.
pub(super) fn discriminator_dense(
    mut inputs: usize,
    units: &[usize],
    spectral_norm: bool,
) -> (Vec<LayerSpec>, usize) {
    let mut layer = |&units| {
        let dense = AffineSpec::dense(std::mem::replace(&mut inputs, units), units, HIDDEN);
        LayerSpec::Dense(AffineSpec { spectral_norm, ..dense })
    };
    let layers = units.iter().map(&mut layer).collect();
    (layers, inputs)
}

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
