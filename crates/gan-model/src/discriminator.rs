//! The discriminator: dense layers with LeakyReLU and one logit, and what may be built into it
//! against overfitting and collapse.

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use gan_kernels::{Activation, dense, dense_jvp};

use crate::config::ModelConfig;
use crate::deviation::{deviation_gradient, with_deviation, with_deviation_slope};
use crate::generator::{HIDDEN, bias};
use crate::init::{glorot_uniform, parameter, renumber};
use gan_core::stream::{Purpose, normal, stream};

/// Images to one logit each, or one for `pack` images together.
///
/// The default has no layers: it is what `std::mem::take` leaves behind.
#[derive(Module, Debug, Default)]
pub struct Discriminator {
    layers: Vec<Linear>,
    /// With spectral normalisation, the direction in which each layer's weights reach
    /// furthest, as far as it is known: `[inputs]`.
    directions: Vec<Param<Tensor<1>>>,
    pack: usize,
    stddev: usize,
    pixel_mean: f64,
}

/// What the discriminator says of a batch, and what it thought on the way.
pub struct DiscriminatorOutput {
    /// `[batch / pack, 1]`; above zero says real.
    pub logits: Tensor<2>,
    /// What each hidden layer gave, before dropout: `[batch / pack, units]`.
    pub hidden: Vec<Tensor<2>>,
}

impl Discriminator {
    /// The discriminator that `seed` starts a training with.
    #[must_use]
    pub fn init(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        let layers =
            config.discriminator_layers().into_iter().zip(0_u64..).map(|(sizes, layer)| {
                let mut rng = stream(seed, Purpose::DiscriminatorWeights, layer);
                glorot_uniform(sizes, 2_000 + 2 * layer, &mut rng, device)
            });
        Self { layers: layers.collect(), ..Self::bare(config, seed, device) }
    }

    /// A discriminator of the right sizes whose weights a record will fill.
    pub(crate) fn empty(config: &ModelConfig, device: &Device) -> Self {
        // Burn makes these weights when they are first read, which a record forestalls.
        let layer = |[inputs, outputs]: [usize; 2]| LinearConfig::new(inputs, outputs).init(device);
        let layers = config.discriminator_layers().into_iter().map(layer).collect();
        Self { layers, ..Self::bare(config, 0, device) }
    }

    /// With the identities that [`init`](Self::init) gives.
    pub(crate) fn numbered(mut self) -> Self {
        for (layer, id) in self.layers.iter_mut().zip((2_000..).step_by(2)) {
            renumber(layer, id);
        }
        for (direction, id) in self.directions.iter_mut().zip(2_500..) {
            direction.id = ParamId::from(id);
        }
        self
    }

    /// All but the layers.
    fn bare(config: &ModelConfig, seed: u64, device: &Device) -> Self {
        let direction = |([inputs, _], layer): ([usize; 2], u64)| {
            let numbers = normal(&mut stream(seed, Purpose::SpectralDirection, layer), inputs);
            let numbers = unit(Tensor::from_floats(&numbers[..], device));
            parameter(2_500 + layer, numbers).set_require_grad(false)
        };
        let layers = config.discriminator_layers().into_iter().zip(0_u64..);
        Self {
            layers: Vec::new(),
            directions: layers.take_while(|_| config.spectral_norm).map(direction).collect(),
            pack: config.pack,
            stddev: config.minibatch_stddev,
            pixel_mean: config.pixel_mean,
        }
    }

    /// `[batch, height * width]` in [−1, 1] to logits `[batch / pack, 1]`; above zero says real.
    #[must_use]
    pub fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        self.judge(images, &[]).logits
    }

    /// As [`forward`](Self::forward), each hidden layer's output times its mask of `masks`,
    /// `[batch / pack, units]`, if there are any: dropout (Srivastava et al. 2014, section 4).
    ///
    /// # Panics
    /// When the batch does not divide into packs, or those into groups for their deviation.
    #[must_use]
    pub fn judge(&self, images: Tensor<2>, masks: &[Tensor<2>]) -> DiscriminatorOutput {
        let [batch, len] = images.dims();
        let images = if self.pixel_mean == 0.0 { images } else { images - self.pixel_mean };
        // Packed images lie one behind the other already (Lin et al. 2018, section 3).
        let mut x = if self.pack > 1 {
            images.reshape([batch / self.pack, len * self.pack])
        } else {
            images
        };
        let mut hidden = Vec::with_capacity(self.layers.len() - 1);
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers[..last].iter().enumerate() {
            x = dense(x, self.weight(index), bias(layer), HIDDEN);
            hidden.push(x.clone());
            x = masked(x, masks, index);
        }
        if self.stddev > 0 {
            x = with_deviation(x, self.stddev);
        }
        let logits = dense(x, self.weight(last), bias(&self.layers[last]), Activation::None);
        DiscriminatorOutput { logits, hidden }
    }

    /// The gradient of the sum of the logits with respect to the images of which a [`DiscriminatorOutput`] had
    /// these `hidden` outputs, a row for each row of theirs: `[batch / pack, pack * height * width]`.
    /// For a net out of training: it walks back through the layers by hand and leaves no graph.
    #[must_use]
    pub fn input_gradient(&self, hidden: &[Tensor<2>], masks: &[Tensor<2>]) -> Tensor<2> {
        // Of the logits with respect to the last layer's inputs: its weights, for every row.
        let weight = self.weight(hidden.len()).transpose();
        let Some(last) = hidden.last() else { return weight };
        let [rows, units] = last.dims();
        let mut gradient = weight.clone().narrow(1, 0, units).repeat_dim(0, rows);
        if self.stddev > 0 {
            let output = masked(last.clone(), masks, hidden.len() - 1);
            let factor = weight.narrow(1, units, 1);
            gradient = gradient + deviation_gradient(output, self.stddev) * factor;
        }
        gradient = HIDDEN.vjp(masked(gradient, masks, hidden.len() - 1), last.clone());
        for index in (1..hidden.len()).rev() {
            let (weight, below) = (self.weight(index).transpose(), hidden[index - 1].clone());
            gradient = masked(dense_jvp(gradient, weight, below, HIDDEN), masks, index - 1);
        }
        // Images have no activation.
        dense_jvp(gradient, self.weight(0).transpose(), last.clone(), Activation::None)
    }

    /// The slope of the logits along `direction`, `[batch / pack, pack * height * width]`, at the
    /// images of which a [`DiscriminatorOutput`] had these `hidden` outputs: `[batch / pack, 1]`. Dense layers
    /// with LeakyReLU are linear in pieces, so the slope's own gradient is exact almost everywhere;
    /// with [`bends`](Self::bends) only if `hidden` carries a graph.
    #[must_use]
    pub fn slope(
        &self,
        direction: Tensor<2>,
        hidden: &[Tensor<2>],
        masks: &[Tensor<2>],
    ) -> Tensor<2> {
        let mut x = direction;
        for (index, output) in hidden.iter().enumerate() {
            x = masked(dense_jvp(x, self.weight(index), output.clone(), HIDDEN), masks, index);
        }
        if let Some(output) = hidden.last()
            && self.stddev > 0
        {
            let output = masked(output.clone(), masks, hidden.len() - 1);
            x = with_deviation_slope(x, output, self.stddev);
        }
        x.matmul(self.weight(hidden.len()))
    }

    /// Whether it is more than linear in pieces.
    #[must_use]
    pub fn bends(&self) -> bool {
        self.stddev > 0
    }

    /// A layer's weights; with spectral normalisation, divided by their largest singular value
    /// (Miyato et al. 2018, equation 8), which is how far they stretch the known direction.
    fn weight(&self, layer: usize) -> Tensor<2> {
        let weight = self.layers[layer].weight.val();
        match self.directions.get(layer) {
            None => weight,
            Some(direction) => {
                let reached = direction.val().unsqueeze_dim::<2>(0).matmul(weight.clone());
                let stretch = reached.square().sum_dim(1).sqrt() + 1e-12;
                weight / stretch
            }
        }
    }

    /// A net in training with directions better known by one power iteration (Miyato et al. 2018,
    /// algorithm 1); does nothing without spectral normalisation.
    #[must_use]
    pub fn refined(mut self) -> Self {
        for (direction, layer) in self.directions.iter_mut().zip(&self.layers) {
            let weight = layer.weight.val().inner();
            *direction = direction.clone().map(|known| {
                let reached = known.inner().unsqueeze_dim::<2>(0).matmul(weight.clone());
                let back = weight.clone().matmul(reached.transpose());
                unit(back.squeeze_dim(1)).autodiff()
            });
        }
        self
    }

    /// Confines every weight and bias of a net in training to ±`bound` (Arjovsky et al. 2017,
    /// algorithm 1).
    #[must_use]
    pub fn clipped(mut self, bound: f64) -> Self {
        self.layers = self.layers.map(&mut Clip(bound));
        self
    }
}

/// Confines weights to ± a bound.
struct Clip(f64);

impl ModuleMapper for Clip {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|w| w.inner().clamp(-self.0, self.0).autodiff().require_grad())
    }
}

/// The probability of being real that a logit stands for: the sigmoid.
#[must_use]
pub fn probability(logits: Tensor<2>) -> Tensor<2> {
    sigmoid(logits)
}

fn masked(x: Tensor<2>, masks: &[Tensor<2>], layer: usize) -> Tensor<2> {
    match masks.get(layer) {
        Some(mask) => x * mask.clone(),
        None => x,
    }
}

/// A vector of length one in the same direction.
fn unit(x: Tensor<1>) -> Tensor<1> {
    let length = x.clone().square().sum().sqrt() + 1e-12;
    x / length
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tolerance;

    use super::*;

    fn small() -> ModelConfig {
        ModelConfig { discriminator_hidden: vec![6], height: 1, width: 2, ..ModelConfig::default() }
    }

    fn numbers(tensor: &Tensor<2>) -> Vec<f32> {
        tensor.to_data().try_into_vec().unwrap()
    }

    #[test]
    fn shapes_and_parameters_are_as_stated() {
        let device = Device::flex();
        let config = ModelConfig::default();
        let discriminator = Discriminator::init(&config, 1, &device);
        assert_eq!(discriminator.num_params(), 533_505);
        assert_eq!(discriminator.forward(Tensor::ones([4, 784], &device)).dims(), [4, 1]);
        let config = ModelConfig { pack: 2, minibatch_stddev: 2, spectral_norm: true, ..config };
        let discriminator = Discriminator::init(&config, 1, &device);
        assert_eq!(discriminator.num_params(), config.discriminator_parameters());
        assert_eq!(discriminator.forward(Tensor::ones([8, 784], &device)).dims(), [4, 1]);
    }

    #[test]
    fn a_net_is_what_its_equations_say() {
        let device = Device::flex();
        let net = Discriminator::init(&small(), 7, &device);
        let (first, second, x) = (numbers(&net.weight(0)), numbers(&net.weight(1)), [0.3, -0.8]);
        let mut logit = 0.0;
        for unit in 0..6 {
            let sum = x[0] * first[unit] + x[1] * first[6 + unit];
            logit += second[unit] * if sum > 0.0 { sum } else { 0.2 * sum };
        }
        let output = net.forward(Tensor::from_floats([x], &device));
        let expected = Tensor::<2>::from_floats([[logit]], &device).into_data();
        output.clone().into_data().assert_approx_eq::<f32>(&expected, Tolerance::default());
        let p: f32 = probability(output).into_scalar();
        assert!((p - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-6);
    }

    #[test]
    fn packed_images_are_judged_together() {
        let device = Device::flex();
        let packed = Discriminator::init(&ModelConfig { pack: 2, ..small() }, 7, &device);
        let wide = Discriminator::init(&ModelConfig { width: 4, ..small() }, 7, &device);
        let rows = [[0.1, 0.2], [0.3, 0.4], [-0.5, 0.6], [0.7, -0.8]];
        let both = packed.forward(Tensor::from_floats(rows, &device));
        let wide = wide
            .forward(Tensor::from_floats([[0.1, 0.2, 0.3, 0.4], [-0.5, 0.6, 0.7, -0.8]], &device));
        assert_eq!(both.into_data(), wide.into_data());
    }

    #[test]
    fn the_mean_of_pixels_is_subtracted() {
        let device = Device::flex();
        let plain = Discriminator::init(&small(), 7, &device);
        let net = Discriminator::init(&ModelConfig { pixel_mean: -0.5, ..small() }, 7, &device);
        let images = Tensor::<2>::from_floats([[-1.0, 0.25], [0.5, -0.5]], &device);
        let moved = Tensor::<2>::from_floats([[-0.5, 0.75], [1.0, 0.0]], &device);
        assert_eq!(net.forward(images).into_data(), plain.forward(moved).into_data());
    }

    #[test]
    fn power_iterations_find_the_largest_singular_value() {
        let device = Device::flex();
        let config = ModelConfig { spectral_norm: true, ..small() };
        let mut net = Discriminator::init(&config, 3, &device).train();
        for _ in 0..50 {
            net = net.refined();
        }
        // Of a matrix [2, 6]: from the eigenvalues of its product with itself.
        let w = numbers(&net.layers[0].weight.val().inner());
        let dot = |i: usize, j: usize| (0..6).map(|k| w[6 * i + k] * w[6 * j + k]).sum::<f32>();
        let (a, b, c) = (dot(0, 0), dot(0, 1), dot(1, 1));
        let largest = f32::midpoint(a + c, ((a - c).powi(2) + 4.0 * b * b).sqrt()).sqrt();
        let normal = numbers(&net.weight(0).inner());
        for (normal, w) in normal.iter().zip(&w) {
            assert!((normal - w / largest).abs() < 1e-4, "{normal} is not {w} / {largest}");
        }
    }

    #[test]
    fn the_slope_is_that_of_the_logits() {
        let device = Device::flex();
        let rows = [[0.3, -0.8], [0.1, 0.9], [0.6, 0.5], [-0.2, -0.7]];
        let images = Tensor::<2>::from_floats(rows, &device);
        let rows = [[0.5, 0.2], [-0.4, 1.0], [0.3, -0.3], [0.1, 0.7]];
        let direction = Tensor::<2>::from_floats(rows, &device);
        let mask = [[2.0, 0.0, 2.0, 2.0, 0.0, 2.0], [2.0, 2.0, 0.0, 2.0, 2.0, 2.0]];
        for minibatch_stddev in [0, 2] {
            let config = ModelConfig { spectral_norm: true, pack: 2, minibatch_stddev, ..small() };
            let net = Discriminator::init(&config, 7, &device);
            let masks = [Tensor::from_floats(mask, &device)];
            let logits =
                |h: f32| net.judge(images.clone() + direction.clone().mul_scalar(h), &masks).logits;
            let verdict = net.judge(images.clone(), &masks);
            let slope =
                numbers(&net.slope(direction.clone().reshape([2, 4]), &verdict.hidden, &masks));
            let ahead = numbers(&(logits(1e-3) - logits(-1e-3)).div_scalar(2e-3));
            for (slope, ahead) in slope.iter().zip(&ahead) {
                assert!((slope - ahead).abs() < 1e-3, "{slope} is not {ahead}");
            }
        }
    }

    #[test]
    fn clipping_confines_every_weight() {
        let device = Device::flex();
        let net = Discriminator::init(&small(), 7, &device).train().clipped(0.1);
        let weights = numbers(&net.layers[0].weight.val().inner());
        assert!(weights.iter().all(|w| w.abs() <= 0.1));
        assert!(weights.iter().any(|w| w.abs() == 0.1), "some were beyond");
    }
}
