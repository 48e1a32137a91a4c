//! A dense or convolutional layer with its activation, batch or spectral normalised or not.

use burn::module::{Module, Param};
use burn::nn::LinearConfig;
use burn::tensor::{Device, Tensor};
use gan_core::stream::{Purpose, normal, stream};
use gan_kernels::{
    Activation, Convolution, Map, affine, affine_jvp, affine_vjp, batch_norm, dense, sqrt,
};

use super::init::{glorot_uniform, parameter, statistic};
use super::spec::{AffineSpec, Init};

/// Keeps batch normalisation from dividing by zero.
const EPSILON: f32 = 1e-5;

/// activation(normalised(map(x, weight) + bias)).
#[derive(Module, Debug)]
pub(crate) struct Affine {
    /// `[inputs, units]` of a dense layer, `[taps, filters]` of a convolution.
    weight: Param<Tensor<2>>,
    /// Absent before batch normalisation, which subtracts a mean right behind it.
    bias: Option<Param<Tensor<1>>>,
    norm: Option<BatchNorm>,
    /// With spectral normalisation, the estimated first left singular vector of the weights.
    direction: Option<Param<Tensor<1>>>,
    #[module(skip)]
    map: Map,
    /// Whether the weights are those of a convolution behind a resize.
    #[module(skip)]
    resize: bool,
    #[module(skip)]
    activation: Activation,
}

/// What batch normalisation learns of each unit or channel, and the population's statistics.
#[derive(Module, Debug)]
struct BatchNorm {
    gamma: Param<Tensor<1>>,
    beta: Param<Tensor<1>>,
    mean: Param<Tensor<1>>,
    variance: Param<Tensor<1>>,
}

impl BatchNorm {
    fn new(units: usize, device: &Device) -> Self {
        Self {
            gamma: parameter(Tensor::ones([units], device)),
            beta: parameter(Tensor::zeros([units], device)),
            mean: statistic(Tensor::zeros([units], device)),
            variance: statistic(Tensor::ones([units], device)),
        }
    }
}

impl Affine {
    /// The layer of an [`AffineSpec`], the `index`-th of its net with weights.
    pub fn new(spec: &AffineSpec, init: Option<Init>, index: u64, device: &Device) -> Self {
        let &AffineSpec { map, weight: size, resize, activation, batch_norm, spectral_norm } = spec;
        let channels = spec.channels();
        let (weight, bias) = if let Some(Init { seed, weights }) = init {
            let mut rng = stream(seed, weights, index);
            let weight = glorot_uniform(size, spec.fans(), &mut rng, device);
            (parameter(weight), Some(parameter(Tensor::zeros([channels], device))))
        } else {
            // Burn allocates these when they are first read, after a record has replaced them.
            let [rows, columns] = size;
            let bias = LinearConfig::new(1, channels).init(device).bias;
            (LinearConfig::new(rows, columns).init(device).weight, bias)
        };
        let direction = spectral_norm.then(|| {
            let seed = init.map_or(0, |init| init.seed);
            let numbers = normal(&mut stream(seed, Purpose::SpectralDirection, index), size[0]);
            statistic(unit(Tensor::from_floats(&numbers[..], device)))
        });
        Self {
            weight,
            bias: bias.filter(|_| !batch_norm),
            norm: batch_norm.then(|| BatchNorm::new(channels, device)),
            direction,
            map,
            resize,
            activation,
        }
    }

    /// The same layer with a bias of zero that is not learnt.
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let (weight, bias) = match &self.norm {
            None => (self.weight(), self.bias()),
            // The inference form of Ioffe and Szegedy 2015 (algorithm 2, steps 10 and 11), folded
            // into the layer.
            Some(norm) => {
                let scale = norm.gamma.val() / (norm.variance.val() + EPSILON).sqrt();
                let shift = norm.beta.val() + (self.bias() - norm.mean.val()) * scale.clone();
                (self.scaled(scale), shift)
            }
        };
        affine(self.map, x, weight, bias, self.activation)
    }

    pub fn forward_batch(&self, x: Tensor<2>) -> Tensor<2> {
        let Some(norm) = &self.norm else { return self.forward(x) };
        let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
        batch_norm(self.sums(x), gamma, beta, self.activation, EPSILON)
    }

    pub fn calibrate(&mut self, x: Tensor<2>) -> Tensor<2> {
        let sums = self.norm.is_some().then(|| self.by_channel(self.sums(x.clone())));
        if let Some((norm, sums)) = self.norm.as_mut().zip(sums) {
            let mean = sums.clone().mean_dim(0);
            let variance = (sums - mean.clone()).square().mean_dim(0);
            norm.mean = norm.mean.clone().map(|_| mean.squeeze_dim(0));
            norm.variance = norm.variance.clone().map(|_| variance.squeeze_dim(0));
        }
        self.forward(x)
    }

    /// What the activation or the normalisation is applied to.
    fn sums(&self, x: Tensor<2>) -> Tensor<2> {
        affine(self.map, x, self.weight(), self.bias(), Activation::None)
    }

    /// `[batch, values]` to `[batch · positions, channels]`.
    fn by_channel(&self, sums: Tensor<2>) -> Tensor<2> {
        let channels = self.channels();
        let rows = sums.shape().num_elements() / channels;
        sums.reshape([rows, channels])
    }

    /// The weights, those of each unit or channel of the result times its own factor.
    fn scaled(&self, factors: Tensor<1>) -> Tensor<2> {
        let (weight, [channels]) = (self.weight(), factors.dims());
        if !matches!(self.map, Map::Transposed(_)) {
            return weight * factors.unsqueeze();
        }
        let [taps, filters] = weight.dims();
        let taps_of_channels = weight.reshape([taps / channels, channels, filters]);
        let scaled = taps_of_channels * factors.reshape([1, channels, 1]);
        scaled.reshape([taps, filters])
    }

    /// Treats `output` as constant, which is exact between the kinks of a piecewise linear
    /// activation.
    pub fn jvp(&self, tangent: Tensor<2>, output: Option<&Tensor<2>>) -> Tensor<2> {
        let (output, activation) = self.kept(output, &tangent);
        affine_jvp(self.map, tangent, self.weight(), output, activation)
    }

    pub fn vjp(&self, gradient: Tensor<2>, output: Option<&Tensor<2>>) -> Tensor<2> {
        let (output, activation) = self.kept(output, &gradient);
        affine_vjp(self.map, gradient, self.weight(), output, activation)
    }

    /// The output, or any tensor where there is no activation to read it.
    fn kept(&self, output: Option<&Tensor<2>>, any: &Tensor<2>) -> (Tensor<2>, Activation) {
        match output {
            Some(output) => (output.clone(), self.activation),
            None => (any.clone(), Activation::None),
        }
    }

    pub fn hidden_units(&self) -> Option<usize> {
        (self.activation != Activation::None).then(|| self.map.outputs(self.weight.dims()))
    }

    /// Units or channels of the result.
    fn channels(&self) -> usize {
        self.map.channels(self.weight.dims())
    }

    pub fn has_batch_norm(&self) -> bool {
        self.norm.is_some()
    }

    /// The weights; with spectral normalisation, divided by their largest singular value (Miyato
    /// et al. 2018, equation 8), estimated as the length of the known direction's image.
    fn weight(&self) -> Tensor<2> {
        let weight = match self.map {
            Map::Transposed(shape) if self.resize => resized(self.weight.val(), shape),
            _ => self.weight.val(),
        };
        match &self.direction {
            None => weight,
            Some(direction) => {
                let image = product(direction.val().unsqueeze_dim(0), weight.clone());
                let length = expanded(length(image), weight.dims());
                weight / length
            }
        }
    }

    fn bias(&self) -> Tensor<1> {
        let zeros = || Tensor::zeros([self.channels()], &self.weight.device());
        self.bias.as_ref().map_or_else(zeros, Param::val)
    }

    /// One power iteration of a net in training (Miyato et al. 2018, algorithm 1).
    pub fn power_iteration(mut self) -> Self {
        self.direction = self.direction.map(|direction| {
            let weight = self.weight.val().inner();
            direction.map(|known| {
                let image = product(known.inner().unsqueeze_dim(0), weight.clone());
                let back = product(image, weight.transpose());
                unit(back.squeeze_dim(0)).autodiff()
            })
        });
        self
    }

    pub fn clip(mut self, bound: f64) -> Self {
        fn clamp<const D: usize>(w: Tensor<D>, bound: f64) -> Tensor<D> {
            w.inner().clamp(-bound, bound).autodiff().require_grad()
        }
        self.weight = self.weight.map(|w| clamp(w, bound));
        self.bias = self.bias.map(|bias| bias.map(|b| clamp(b, bound)));
        self
    }
}

/// The weights of a transposed convolution of stride 2 that computes the same as a nearest-neighbour
/// resize and a convolution with the smaller kernel of `weight`: that kernel, spread over two rows and
/// columns.
fn resized(weight: Tensor<2>, shape: Convolution) -> Tensor<2> {
    let (large, small, [_, filters]) = (shape.kernel, shape.kernel - 1, weight.dims());
    let (rows, columns) = (large * large, small * small);
    let near = |large: usize, small: usize| large == small || large == small + 1;
    let spread =
        |tap: usize, of: usize| near(tap / large, of / small) && near(tap % large, of % small);
    let spread: Vec<f32> = (0..rows * columns)
        .map(|index| if spread(index / columns, index % columns) { 1.0 } else { 0.0 })
        .collect();
    let spread = Tensor::<1>::from_floats(&spread[..], &weight.device()).reshape([rows, columns]);
    let spread = product(spread, weight.reshape([columns, shape.channels * filters]));
    spread.reshape([rows * shape.channels, filters])
}

/// A vector of length one in the same direction.
fn unit(x: Tensor<1>) -> Tensor<1> {
    let x = x.unsqueeze_dim::<2>(0);
    let length = length(x.clone());
    (x / length).squeeze_dim(0)
}

/// The length of a row, `[1, 1]`.
fn length(row: Tensor<2>) -> Tensor<2> {
    let ones = Tensor::ones([row.dims()[1], 1], &row.device());
    sqrt(product(row.square(), ones)) + 1e-12
}

/// A number `[1, 1]` in each place of a matrix. Broadcasting would leave its gradient, a sum over the
/// matrix, to Burn, which adds in an order that depends on the processor.
fn expanded(number: Tensor<2>, [rows, columns]: [usize; 2]) -> Tensor<2> {
    let device = number.device();
    let column = product(Tensor::ones([rows, 1], &device), number);
    product(column, Tensor::ones([1, columns], &device))
}

/// A product by the kernels, which add in one order on every processor.
fn product(left: Tensor<2>, right: Tensor<2>) -> Tensor<2> {
    let zeros = Tensor::zeros([right.dims()[1]], &right.device());
    dense(left, right, zeros, Activation::None)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tolerance;
    use burn::tensor::module::{conv2d, interpolate};
    use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions};

    use super::*;

    /// A layer of 2 inputs and 6 units.
    fn layer(seed: u64, spectral_norm: bool) -> Affine {
        let spec =
            AffineSpec { spectral_norm, ..AffineSpec::dense(2, 6, Activation::LeakyRelu(0.2)) };
        let init = Init { seed, weights: Purpose::DiscriminatorWeights };
        Affine::new(&spec, Some(init), 0, &Device::flex())
    }

    fn numbers(tensor: &Tensor<2>) -> Vec<f32> {
        tensor.to_data().try_into_vec().unwrap()
    }

    #[test]
    fn initial_weights_follow_the_seed_and_glorot() {
        let weights = |seed| numbers(&layer(seed, false).weight());
        assert_eq!(weights(1), weights(1));
        assert_ne!(weights(1), weights(2));
        let limit = (6.0_f32 / (2.0 + 6.0)).sqrt();
        let largest = weights(1).iter().fold(0.0_f32, |a, w| a.max(w.abs()));
        assert!(largest <= limit && largest > 0.7 * limit, "{largest} of {limit}");
    }

    #[test]
    fn power_iterations_find_the_largest_singular_value() {
        let mut layer = layer(3, true).train();
        for _ in 0..50 {
            layer = layer.power_iteration();
        }
        // Of a matrix [2, 6]: from the eigenvalues of its product with itself.
        let w = numbers(&layer.weight.val().inner());
        let dot = |i: usize, j: usize| (0..6).map(|k| w[6 * i + k] * w[6 * j + k]).sum::<f32>();
        let (a, b, c) = (dot(0, 0), dot(0, 1), dot(1, 1));
        let largest = f32::midpoint(a + c, ((a - c).powi(2) + 4.0 * b * b).sqrt()).sqrt();
        for (normal, w) in numbers(&layer.weight().inner()).iter().zip(&w) {
            assert!((normal - w / largest).abs() < 1e-4, "{normal} is not {w} / {largest}");
        }
    }

    /// The gradient of a number in all places of a matrix is the sum over them.
    #[test]
    fn an_expanded_number_gathers_its_gradient() {
        let device = Device::flex().autodiff();
        let number = Tensor::<2>::from_floats([[2.0]], &device).require_grad();
        let weights = Tensor::<1, burn::tensor::Int>::arange(0..91, &device).float();
        let all = expanded(number.clone(), [13, 7]);
        assert!(numbers(&all.clone().inner()).iter().all(|x| *x == 2.0));
        let gradients = (all * weights.reshape([13, 7])).sum().backward();
        assert_eq!(numbers(&number.grad(&gradients).unwrap()), [91.0 * 90.0 / 2.0]);
    }

    #[test]
    fn a_resize_and_a_convolution_are_one_transposed_convolution() {
        for kernel in 3..=7 {
            let (side, padding) = (kernel - 1, (kernel - 1) / 2);
            let shape =
                Convolution { height: 8, width: 6, channels: 2, kernel, stride: 2, padding };
            let spec = AffineSpec {
                map: Map::Transposed(shape),
                weight: [side * side * 2, 5],
                resize: true,
                ..AffineSpec::dense(1, 1, Activation::None)
            };
            let init = Init { seed: 2, weights: Purpose::GeneratorWeights };
            let device = Device::flex();
            let layer = Affine::new(&spec, Some(init), 0, &device);
            let x = normal(&mut stream(1, Purpose::Sample, 0), 3 * 4 * 3 * 5);
            let x = Tensor::<1>::from_floats(&x[..], &device).reshape([3, 4 * 3 * 5]);
            let found = layer.forward(x.clone());

            let images = x.reshape([3, 4, 3, 5]).permute([0, 3, 1, 2]);
            let nearest = InterpolateOptions::new(InterpolateMode::Nearest);
            let images = interpolate(images, nearest.with_output_size([8, 6]));
            // The transpose of a convolution has its kernel upside down.
            let weight = layer.weight.val().reshape([side, side, 2, 5]).flip([0, 1]);
            // A smaller kernel of an even side is not centred: the result has a row too many.
            let options = ConvOptions::new([1; 2], [side / 2; 2], [1; 2], 1);
            let expected = conv2d(images, weight.permute([2, 3, 0, 1]), None, options);
            let first = side / 2 + padding + 1 - side;
            let expected = expected.narrow(2, first, 8).narrow(3, first, 6).permute([0, 2, 3, 1]);
            let expected = expected.reshape([3, 8 * 6 * 2]).into_data();
            found.into_data().assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-5));
        }
    }

    #[test]
    fn clipping_limits_every_weight() {
        let weights = numbers(&layer(7, false).train().clip(0.1).weight().inner());
        assert!(weights.iter().all(|w| w.abs() <= 0.1));
        assert!(weights.iter().any(|w| w.abs() == 0.1), "some were beyond");
    }
}
