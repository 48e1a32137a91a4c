//! The classes of a batch, and the two layers that use them.

use burn::module::{Module, Param};
use burn::nn::LinearConfig;
use burn::tensor::{Device, Tensor, TensorData};
use gan_core::stream::{normal, stream};
use gan_kernels::{Activation, dense};

use super::affine::Affine;
use super::init::parameter;
use super::spec::{AffineSpec, Init, LayerSpec};

/// The class of each row of a batch, one-hot: `[batch, classes]`. Rows of a pack of images have the
/// classes of all of them side by side.
pub type Labels = Tensor<2>;

/// The numbers of [`Labels`], `[labels, classes]`: a one in the column of each label.
///
/// # Panics
/// When a label is not below `classes`.
pub fn one_hot(labels: &[u16], classes: usize) -> Vec<f32> {
    let mut numbers = vec![0.0; labels.len() * classes];
    for (row, &label) in numbers.chunks_exact_mut(classes).zip(labels) {
        row[usize::from(label)] = 1.0;
    }
    numbers
}

/// Appends a learnt vector of each row's class to its values.
#[derive(Module, Debug)]
pub(crate) struct Embedding {
    table: Param<Tensor<2>>,
}

impl Embedding {
    /// The layer of a [`LayerSpec::Embedding`]: standard normal vectors.
    pub fn new(spec: &LayerSpec, init: Option<Init>, index: u64, device: &Device) -> Self {
        let &LayerSpec::Embedding { classes, size, .. } = spec else {
            unreachable!("an embedding is built from its own description")
        };
        let table = match init {
            Some(Init { seed, weights }) => {
                let numbers = normal(&mut stream(seed, weights, index), classes * size);
                parameter(Tensor::from_data(TensorData::new(numbers, [classes, size]), device))
            }
            None => LinearConfig::new(classes, size).init(device).weight,
        };
        Self { table }
    }

    pub fn forward(&self, x: Tensor<2>, labels: Option<&Labels>) -> Tensor<2> {
        let zeros = Tensor::zeros([self.table.dims()[1]], &x.device());
        let vectors = dense(of(labels, &x), self.table.val(), zeros, Activation::None);
        Tensor::cat(vec![x, vectors], 1)
    }

    pub fn jvp(&self, tangent: Tensor<2>) -> Tensor<2> {
        tangent.pad((0, self.table.dims()[1], 0, 0), 0.0)
    }

    pub fn vjp(&self, gradient: Tensor<2>) -> Tensor<2> {
        let inputs = gradient.dims()[1] - self.table.dims()[1];
        gradient.narrow(1, 0, inputs)
    }

    pub fn clip(mut self, bound: f64) -> Self {
        self.table =
            self.table.map(|table| table.inner().clamp(-bound, bound).autodiff().require_grad());
        self
    }
}

/// One logit x · (w + v) + b, where v is a learnt vector of the row's class: the projection
/// discriminator (Miyato and Koyama 2018, equation 3). Without the class it would be a dense layer.
#[derive(Module, Debug)]
pub(crate) struct Projection {
    /// A row for each class, v, and a last one for all, w: `[classes + 1, inputs]`.
    table: Affine,
    bias: Param<Tensor<1>>,
    /// Predicts the class from the values.
    classifier: Option<Affine>,
}

impl Projection {
    /// The layer of a [`LayerSpec::Projection`].
    pub fn new(spec: &LayerSpec, init: Option<Init>, index: u64, device: &Device) -> Self {
        let &LayerSpec::Projection { inputs, classes, predicted, spectral_norm } = spec else {
            unreachable!("a projection is built from its own description")
        };
        let table = AffineSpec {
            spectral_norm,
            ..AffineSpec::dense(classes + 1, inputs, Activation::None)
        };
        Self {
            table: Affine::new(&table, init, index, device).without_bias(),
            bias: parameter(Tensor::zeros([1], device)),
            // Streams below this are those of the net's layers.
            classifier: (predicted > 0).then(|| {
                let spec = AffineSpec::dense(inputs, predicted, Activation::None);
                Affine::new(&AffineSpec { spectral_norm, ..spec }, init, index + 1_000, device)
            }),
        }
    }

    pub fn forward(&self, x: Tensor<2>, labels: Option<&Labels>) -> Tensor<2> {
        let predicted = self.classifier.as_ref().map(|classifier| classifier.forward(x.clone()));
        let logit = self.product(x, labels, self.bias.val());
        match predicted {
            Some(predicted) => Tensor::cat(vec![logit, predicted], 1),
            None => logit,
        }
    }

    pub fn jvp(&self, tangent: Tensor<2>, labels: Option<&Labels>) -> Tensor<2> {
        let zero = Tensor::zeros([1], &tangent.device());
        self.product(tangent, labels, zero)
    }

    pub fn vjp(&self, gradient: &Tensor<2>, labels: Option<&Labels>) -> Tensor<2> {
        gradient.clone().narrow(1, 0, 1) * self.vectors(labels, gradient)
    }

    pub fn power_iteration(mut self) -> Self {
        self.table = self.table.power_iteration();
        self.classifier = self.classifier.map(Affine::power_iteration);
        self
    }

    pub fn clip(mut self, bound: f64) -> Self {
        self.table = self.table.clip(bound);
        self.classifier = self.classifier.map(|classifier| classifier.clip(bound));
        self.bias =
            self.bias.map(|bias| bias.inner().clamp(-bound, bound).autodiff().require_grad());
        self
    }

    /// Each row's sum of products with w + v. A matrix product adds in one order everywhere.
    fn product(&self, x: Tensor<2>, labels: Option<&Labels>, bias: Tensor<1>) -> Tensor<2> {
        let ones = Tensor::ones([x.dims()[1], 1], &x.device());
        let products = self.vectors(labels, &x) * x;
        dense(products, ones, bias, Activation::None)
    }

    /// w + v of each row.
    fn vectors(&self, labels: Option<&Labels>, x: &Tensor<2>) -> Tensor<2> {
        let labels = of(labels, x);
        self.table.forward(labels.pad((0, 1, 0, 0), 1.0))
    }
}

/// Labels that operations with `x` accept.
fn of(labels: Option<&Labels>, x: &Tensor<2>) -> Labels {
    let Some(labels) = labels else { panic!("a model with classes was given no labels") };
    if x.is_autodiff() { labels.clone().autodiff() } else { labels.clone() }
}
