//! Descriptions of layers, from which they are built.

use gan_core::stream::Purpose;
use gan_kernels::{Activation, Map};

/// A layer that is linear, perhaps normalised, and its activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AffineSpec {
    /// How weights and inputs make sums.
    pub map: Map,
    /// Rows and columns of the weights.
    pub weight: [usize; 2],
    /// For a transposed convolution: whether it is a nearest-neighbour resize by 2 and a convolution,
    /// with weights for a kernel that is smaller by one.
    pub resize: bool,
    /// The function applied to each value.
    pub activation: Activation,
    /// Whether each unit or channel is batch normalised (Ioffe and Szegedy 2015) before the
    /// activation.
    pub batch_norm: bool,
    /// Whether the weights are divided by their largest singular value, as a matrix of this size
    /// (Miyato et al. 2018).
    pub spectral_norm: bool,
}

impl AffineSpec {
    /// A dense layer without normalisation.
    pub fn dense(inputs: usize, outputs: usize, activation: Activation) -> Self {
        let (map, weight) = (Map::Dense, [inputs, outputs]);
        let resize = false;
        Self { map, weight, resize, activation, batch_norm: false, spectral_norm: false }
    }

    /// Units or channels.
    pub fn channels(&self) -> usize {
        self.map.channels(self.weight)
    }

    /// The inputs of an output and the outputs of an input, added.
    pub fn fans(&self) -> usize {
        let [rows, columns] = self.weight;
        match self.map {
            Map::Dense => rows + columns,
            Map::Convolution(shape) | Map::Transposed(shape) => {
                rows + rows / shape.channels.max(1) * columns
            }
        }
    }

    fn parameters(&self) -> usize {
        let [rows, columns] = self.weight;
        // γ, β, mean and variance of each channel, or its bias.
        let per_channel = if self.batch_norm { 4 } else { 1 };
        let direction = if self.spectral_norm { rows } else { 0 };
        let others = self.channels().saturating_mul(per_channel).saturating_add(direction);
        rows.saturating_mul(columns).saturating_add(others)
    }
}

/// A layer's kind and sizes, from which it is built; no memory is allocated for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LayerSpec {
    /// A dense layer.
    Dense(AffineSpec),
    /// A convolution or its transpose.
    Convolution(AffineSpec),
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
        /// Classes that it also predicts, each with a logit; 0 is none.
        predicted: usize,
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
            Self::Dense(affine) | Self::Convolution(affine) => affine.parameters(),
            Self::Embedding { classes, size, .. } => classes.saturating_mul(size),
            Self::Projection { inputs, classes, predicted, spectral_norm } => {
                let spec = AffineSpec::dense(inputs, predicted, Activation::None);
                let classifier = AffineSpec { spectral_norm, ..spec }.parameters();
                let classifier = if predicted > 0 { classifier } else { 0 };
                let rows = classes.saturating_add(1);
                let direction = if spectral_norm { rows } else { 0 };
                rows.saturating_mul(inputs)
                    .saturating_add(direction)
                    .saturating_add(1)
                    .saturating_add(classifier)
            }
            Self::MinibatchStddev { .. } => 0,
        }
    }

    /// Whether it uses the statistics of its batch in training.
    pub fn has_batch_norm(&self) -> bool {
        match self {
            Self::Dense(affine) | Self::Convolution(affine) => affine.batch_norm,
            _ => false,
        }
    }

    pub fn has_spectral_norm(&self) -> bool {
        match self {
            Self::Dense(affine) | Self::Convolution(affine) => affine.spectral_norm,
            Self::Projection { spectral_norm, .. } => *spectral_norm,
            Self::Embedding { .. } | Self::MinibatchStddev { .. } => false,
        }
    }

    /// Rows that it needs together.
    pub fn group(&self) -> usize {
        match *self {
            Self::MinibatchStddev { group, .. } => group,
            _ => 1,
        }
    }

    /// Values that come in for each row.
    pub fn inputs(&self) -> usize {
        match *self {
            Self::Dense(affine) | Self::Convolution(affine) => affine.map.inputs(affine.weight),
            Self::Embedding { inputs, .. }
            | Self::Projection { inputs, .. }
            | Self::MinibatchStddev { inputs, .. } => inputs,
        }
    }

    /// Values that go out for each row.
    pub fn outputs(&self) -> usize {
        match *self {
            Self::Dense(affine) | Self::Convolution(affine) => affine.map.outputs(affine.weight),
            Self::Embedding { inputs, size, .. } => inputs.saturating_add(size),
            Self::Projection { predicted, .. } => predicted.saturating_add(1),
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
