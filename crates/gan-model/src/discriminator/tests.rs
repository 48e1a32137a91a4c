use burn::tensor::Tolerance;

use super::*;
use crate::ClassHead;
use crate::{DenseConfig, one_hot};
use gan_core::ImageShape;

const NO_DROPOUT: DropoutMasks = Vec::new();

fn small(dense: DenseConfig) -> ModelConfig {
    let dense = DenseConfig { discriminator_hidden: vec![6], ..dense };
    ModelConfig { image: ImageShape::grey(1, 2), ..ModelConfig::dense(dense) }
}

fn logits(net: &Discriminator, images: Tensor<2>) -> Tensor<2> {
    net.forward(images, None, &NO_DROPOUT).logits
}

fn numbers(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.to_data().try_into_vec().unwrap()
}

#[test]
fn shapes_and_parameter_counts_are_as_documented() {
    let device = Device::flex();
    let config = ModelConfig::default();
    let discriminator = Discriminator::init(&config, 1, &device);
    assert_eq!(discriminator.num_params(), 533_505);
    assert_eq!(logits(&discriminator, Tensor::ones([4, 784], &device)).dims(), [4, 1]);
    let dense = DenseConfig { minibatch_stddev: 2, spectral_norm: true, ..DenseConfig::default() };
    let image = ImageShape { channels: 3, height: 4, width: 5 };
    let config = ModelConfig { pack: 2, image, ..ModelConfig::dense(dense) };
    let discriminator = Discriminator::init(&config, 1, &device);
    assert_eq!(discriminator.num_params(), config.discriminator_parameters());
    assert_eq!(logits(&discriminator, Tensor::ones([8, 60], &device)).dims(), [4, 1]);
}

#[test]
fn a_net_computes_its_equations() {
    let device = Device::flex();
    let net = Discriminator::init(&small(DenseConfig::default()), 7, &device);
    let [first, second] = [0, 1].map(|layer| match &net.layers[layer] {
        Layer::Dense(dense) => numbers(&dense.jvp(Tensor::eye([2, 6][layer], &device), None)),
        other => panic!("{other:?}"),
    });
    let (x, mut logit) = ([0.3, -0.8], 0.0);
    for unit in 0..6 {
        let sum = x[0] * first[unit] + x[1] * first[6 + unit];
        logit += second[unit] * if sum > 0.0 { sum } else { 0.2 * sum };
    }
    let output = logits(&net, Tensor::from_floats([x], &device));
    let expected = Tensor::<2>::from_floats([[logit]], &device).into_data();
    output.clone().into_data().assert_approx_eq::<f32>(&expected, Tolerance::default());
    let p: f32 = probability(output).into_scalar();
    assert!((p - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-6);
}

#[test]
fn packed_images_share_one_logit() {
    let device = Device::flex();
    let config = small(DenseConfig::default());
    let packed = Discriminator::init(&ModelConfig { pack: 2, ..config.clone() }, 7, &device);
    let image = ImageShape::grey(1, 4);
    let wide = Discriminator::init(&ModelConfig { image, ..config }, 7, &device);
    let rows = [[0.1, 0.2], [0.3, 0.4], [-0.5, 0.6], [0.7, -0.8]];
    let both = logits(&packed, Tensor::from_floats(rows, &device));
    let rows = [[0.1, 0.2, 0.3, 0.4], [-0.5, 0.6, 0.7, -0.8]];
    assert_eq!(both.into_data(), logits(&wide, Tensor::from_floats(rows, &device)).into_data());
}

#[test]
fn the_pixel_mean_is_subtracted() {
    let device = Device::flex();
    let config = small(DenseConfig::default());
    let plain = Discriminator::init(&config, 7, &device);
    let net = Discriminator::init(&ModelConfig { pixel_mean: -0.5, ..config }, 7, &device);
    let images = Tensor::<2>::from_floats([[-1.0, 0.25], [0.5, -0.5]], &device);
    let moved = Tensor::<2>::from_floats([[-0.5, 0.75], [1.0, 0.0]], &device);
    assert_eq!(logits(&net, images).into_data(), logits(&plain, moved).into_data());
}

#[test]
fn both_derivatives_agree_with_finite_differences() {
    let device = Device::flex();
    let rows = [[0.3, -0.8], [0.1, 0.9], [0.6, 0.5], [-0.2, -0.7]];
    let images = Tensor::<2>::from_floats(rows, &device);
    let rows = [[0.5, 0.2], [-0.4, 1.0], [0.3, -0.3], [0.1, 0.7]];
    let direction = Tensor::<2>::from_floats(rows, &device);
    let mask = [[2.0, 0.0, 2.0, 2.0, 0.0, 2.0], [2.0, 2.0, 0.0, 2.0, 2.0, 2.0]];
    let mask = Some(Tensor::from_floats(mask, &device));
    let labels = Tensor::<1>::from_floats(&one_hot(&[0, 2, 1, 2], 3)[..], &device).reshape([4, 3]);
    let heads = [None, Some(ClassHead::Projection), Some(ClassHead::Concatenation)];
    for (minibatch_stddev, head) in [0, 2].into_iter().flat_map(|n| heads.map(|head| (n, head))) {
        let dense = DenseConfig { spectral_norm: true, minibatch_stddev, ..DenseConfig::default() };
        let conditional = head.map(|class_head| Conditional { class_head, ..Conditional::new(3) });
        let config = ModelConfig { pack: 2, conditional, ..small(dense) };
        let labels = conditional.map(|_| &labels);
        // The vector of a class is a layer before the hidden one.
        let before = vec![None; usize::from(head == Some(ClassHead::Concatenation))];
        let masks = [before, vec![mask.clone()]].concat();
        let net = Discriminator::init(&config, 7, &device);
        let logits = |h: f32| {
            let moved = images.clone() + direction.clone().mul_scalar(h);
            net.forward(moved, labels, &masks).logits
        };
        // Logits of ten lose four digits in the difference of a smaller step.
        let differences = (logits(4e-3) - logits(-4e-3)).div_scalar(8e-3);
        let features = net.forward(images.clone(), labels, &masks).features;
        let packed = direction.clone().reshape([2, 4]);

        let forward = numbers(&net.jvp(packed.clone(), &features, labels, &masks));
        for (found, expected) in forward.iter().zip(numbers(&differences)) {
            assert!(
                (found - expected).abs() < 1e-3 * expected.abs().max(1.0),
                "{found} is not {expected}"
            );
        }
        let backward: f32 =
            (net.input_gradient(&features, labels, &masks) * packed).sum().into_scalar();
        let expected: f32 = differences.sum().into_scalar();
        assert!(
            (backward - expected).abs() < 2e-3 * expected.abs().max(1.0),
            "{backward} is not {expected}"
        );
    }
}
