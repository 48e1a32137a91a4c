//! Descriptions of layers, from which they are built.

use gan_core::stream::Purpose;
use gan_kernels::Activation;

/// A layer's kind and sizes, from which it is built; no memory is allocated for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LayerSpec {
    /// A dense layer, perhaps normalised, and its activation.
    Dense {
        /// Values that come in.
        inputs: usize,
        /// Units.
        outputs: usize,
        /// The function applied to each unit.
        activation: Activation,
        /// Whether its sums are batch normalised (Ioffe and Szegedy 2015) before the activation.
        batch_norm: bool,
        /// Whether its weights are divided by their largest singular value (Miyato et al. 2018).
        spectral_norm: bool,
    },
    /// A learnt vector of each row's class, appended to its values.
    Embedding {
        /// Values that come in.
        inputs: usize,
        /// Columns of the labels.
        classes: usize,
        /// Numbers in a vector.
        size: usize,
    },
    /// One logit, from the values and the class (Miyato and Koyama 2018).
    Projection {
        /// Values that come in.
        inputs: usize,
        /// Columns of the labels.
        classes: usize,
        /// Whether its weights are divided by their largest singular value.
        spectral_norm: bool,
    },
    /// The minibatch standard deviation as one more value (Karras et al. 2018, section 3).
    MinibatchStddev {
        /// Values that come in.
        inputs: usize,
        /// Rows over which the deviation is taken.
        group: usize,
    },
}

impl LayerSpec {
    /// Numbers that the layer stores: weights and what belongs to them.
    pub fn parameters(&self) -> usize {
        match *self {
            Self::Dense { inputs, outputs, batch_norm, spectral_norm, .. } => {
                // γ, β, mean and variance of each unit, or its bias.
                let per_unit = if batch_norm { 4 } else { 1 };
                let direction = if spectral_norm { inputs } else { 0 };
                outputs.saturating_mul(inputs.saturating_add(per_unit)).saturating_add(direction)
            }
            Self::Embedding { classes, size, .. } => classes.saturating_mul(size),
            Self::Projection { inputs, classes, spectral_norm } => {
                let rows = classes.saturating_add(1);
                let direction = if spectral_norm { rows } else { 0 };
                rows.saturating_mul(inputs).saturating_add(direction).saturating_add(1)
            }
            Self::MinibatchStddev { .. } => 0,
        }
    }

    /// Whether it uses the statistics of its batch in training.
    pub fn has_batch_norm(&self) -> bool {
        matches!(self, Self::Dense { batch_norm: true, .. })
    }

    pub fn has_spectral_norm(&self) -> bool {
        matches!(
            self,
            Self::Dense { spectral_norm: true, .. } | Self::Projection { spectral_norm: true, .. }
        )
    }

    /// Rows that it needs together.
    pub fn group(&self) -> usize {
        match *self {
            Self::Dense { .. } | Self::Embedding { .. } | Self::Projection { .. } => 1,
            Self::MinibatchStddev { group, .. } => group,
        }
    }

    /// Values that come in for each row.
    pub fn inputs(&self) -> usize {
        match *self {
            Self::Dense { inputs, .. }
            | Self::Embedding { inputs, .. }
            | Self::Projection { inputs, .. }
            | Self::MinibatchStddev { inputs, .. } => inputs,
        }
    }

    /// Values that go out for each row.
    pub fn outputs(&self) -> usize {
        match *self {
            Self::Dense { outputs, .. } => outputs,
            Self::Embedding { inputs, size, .. } => inputs.saturating_add(size),
            Self::Projection { .. } => 1,
            Self::MinibatchStddev { inputs, .. } => inputs + 1,
        }
    }
}

/// Numbers that a net of these layers stores.
pub(crate) fn parameters(layers: &[LayerSpec]) -> usize {
    layers.iter().map(LayerSpec::parameters).fold(0, usize::saturating_add)
}

/// Which random streams a net's initial weights come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Init {
    pub seed: u64,
    pub weights: Purpose,
}
