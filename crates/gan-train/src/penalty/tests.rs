//! The gradient of a penalty agrees with finite differences.

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Distribution, Gradients};
use gan_model::{
    ClassHead, Conditional, ConvConfig, DenseConfig, Family, Labels, ModelConfig, one_hot,
};

use super::*;

/// The gradients of a net's weights, one behind the other.
struct Collect<'a>(&'a Gradients, Vec<f64>);

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        match param.val().grad(self.0) {
            Some(gradient) => self.1.extend(gradient.into_data().iter::<f64>()),
            None => self.1.extend(vec![0.0; param.shape().num_elements()]),
        }
    }
}

fn gradients(net: &Discriminator, loss: &Tensor<1>) -> Vec<f64> {
    let gradients = loss.backward();
    let mut collect = Collect(&gradients, Vec::new());
    net.visit(&mut collect);
    collect.1
}

/// Moves every weight along a direction.
struct Move<'a>(&'a [f64], f64);

impl ModuleMapper for Move<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (here, rest) = self.0.split_at(param.shape().num_elements());
        self.0 = rest;
        let by = self.1;
        param.map(|weight| {
            let numbers: Vec<f32> = here.iter().map(|x| (x * by) as f32).collect();
            let along = Tensor::<1>::from_floats(&numbers[..], &Device::flex());
            let moved = weight.clone().inner() + along.reshape(weight.shape());
            moved.autodiff().require_grad()
        })
    }
}

/// ∇D of each image.
fn input_gradient(images: &Tensor<2>, logits: &Tensor<2>) -> Tensor<2> {
    let gradients = logits.clone().sum().backward();
    images.grad(&gradients).unwrap_or_else(|| images.zeros_like().inner())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn setup(config: &ModelConfig) -> (Discriminator, Tensor<2>) {
    let device = Device::flex();
    device.seed(11);
    let images = Tensor::random([6, 784], Distribution::Uniform(-1.0, 1.0), &device);
    (Discriminator::init(config, 5, &device).train(), images)
}

/// γ/2 E|∇D|² itself.
fn penalty(
    discriminator: &Discriminator,
    images: &Tensor<2>,
    labels: Option<&Labels>,
    gamma: f64,
) -> f64 {
    let leaf = images.clone().autodiff().require_grad();
    let logits = discriminator.forward(leaf.clone(), labels, &Vec::new()).logits;
    let sum: f32 = input_gradient(&leaf, &logits).square().sum().into_scalar();
    0.5 * gamma * f64::from(sum) / logits.dims()[0] as f64
}

/// Which hidden values are above zero.
fn signs(net: &Discriminator, images: &Tensor<2>, labels: Option<&Labels>) -> Vec<bool> {
    let features = net.forward(images.clone().autodiff(), labels, &Vec::new()).features;
    let numbers = features.into_iter().flat_map(|x| x.into_data().try_into_vec::<f32>().unwrap());
    numbers.map(|x| x > 0.0).collect()
}

#[test]
fn the_gradient_is_that_of_the_penalty() {
    let gamma = 0.7;
    let plain = DenseConfig { discriminator_hidden: vec![12, 7], ..DenseConfig::default() };
    let dense = ModelConfig::dense;
    let conditional = |class_head, pack, dense| {
        let conditional = Some(Conditional { class_head, ..Conditional::new(3) });
        ModelConfig { pack, conditional, ..ModelConfig::dense(dense) }
    };
    let conv = |conditional: Option<ClassHead>| ModelConfig {
        conditional: conditional
            .map(|class_head| Conditional { class_head, ..Conditional::new(3) }),
        family: Family::Conv(ConvConfig {
            filters: 3,
            spectral_norm: conditional.is_some(),
            minibatch_stddev: 3,
            ..ConvConfig::default()
        }),
        ..ModelConfig::default()
    };
    for config in [
        conv(None),
        conv(Some(ClassHead::ProjectionAuxiliary)),
        conv(Some(ClassHead::Auxiliary)),
        dense(plain.clone()),
        dense(DenseConfig { spectral_norm: true, ..plain.clone() }),
        dense(DenseConfig { minibatch_stddev: 3, ..plain.clone() }),
        ModelConfig { pack: 2, ..dense(plain.clone()) },
        conditional(ClassHead::Projection, 1, plain.clone()),
        conditional(ClassHead::Projection, 2, DenseConfig { minibatch_stddev: 3, ..plain.clone() }),
        conditional(ClassHead::Projection, 1, DenseConfig { spectral_norm: true, ..plain.clone() }),
        conditional(ClassHead::Concatenation, 2, plain.clone()),
        conditional(ClassHead::Auxiliary, 1, plain.clone()),
        conditional(ClassHead::ProjectionAuxiliary, 1, plain.clone()),
        ModelConfig { pixel_mean: -0.7, ..dense(plain) },
    ] {
        let what = format!("{config:?}");
        let (discriminator, images) = setup(&config);
        let masks = Vec::new();
        let labels = config.classes().map(|n| {
            Tensor::<1>::from_floats(&one_hot(&[0, 2, 1, 1, 0, 2], n)[..], &Device::flex())
                .reshape([6, n])
        });
        let output = discriminator.forward(images.clone().autodiff(), labels.as_ref(), &masks);
        let loss =
            gradient_penalty(&discriminator, output.features, labels.as_ref(), &masks, gamma);
        let value: f32 = loss.clone().into_scalar();
        let expected = 2.0 * penalty(&discriminator, &images, labels.as_ref(), gamma);
        assert!((f64::from(value) / expected - 1.0).abs() < 0.02, "{value} {expected} {what}");

        // Along the gradient the penalty must rise by its squared length.
        let along = gradients(&discriminator, &loss);
        let square = dot(&along, &along);
        let moved = |h: f64| discriminator.clone().map(&mut Move(&along, h));
        // Far enough for single precision, and not so far that a kink is crossed.
        let ways = [1e-4, 3e-5, 1e-5, 3e-6].map(|way| way / square.sqrt());
        let signs = |h| signs(&moved(h), &images, labels.as_ref());
        let h = ways.into_iter().find(|&h| signs(h) == signs(-h)).expect(&what);
        let [ahead, behind] = [h, -h].map(|h| penalty(&moved(h), &images, labels.as_ref(), gamma));
        let slope = (ahead - behind) / (2.0 * h);
        assert!((slope / square - 1.0).abs() < 0.01, "{slope} is not {square}: {what}");
    }
}
