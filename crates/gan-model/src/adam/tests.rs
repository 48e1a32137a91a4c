//! One pass on the host agrees with Burn's operations.

use burn::tensor::{Device, Distribution, Tolerance};

use crate::{DenseConfig, Generator, ModelConfig};

use super::*;

/// Weights and average after three updates with the same gradients either way.
fn three_updates(on_host: bool) -> [Vec<TensorData>; 2] {
    let device = Device::flex();
    let dense = DenseConfig { generator_hidden: vec![40, 30], ..DenseConfig::default() };
    let model = ModelConfig::dense(dense);
    let betas = AdamConfig { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
    let mut net = Generator::init(&model, 1, &device).train();
    let mut average = Ema::of(net.valid(), 0.9);
    let mut adam = Adam::new(betas, on_host);
    for time in 1..=3 {
        device.seed(time);
        let noise = Tensor::random([8, 100], Distribution::Default, &device).autodiff();
        let loss = net.forward(noise, None).square().mean();
        net = adam.update(net, loss.backward(), Some(&mut average), time, 2e-4);
    }
    let tensors = |net: &Generator| {
        let noise = Tensor::ones([1, 100], &device);
        let mut data = vec![net.forward(noise, None).into_data()];
        net.valid().map(&mut Tap(&mut data));
        data
    };
    [tensors(&net.valid()), tensors(&average.place(&net))]
}

/// Copies every tensor that it meets.
struct Tap<'a>(&'a mut Vec<TensorData>);

impl ModuleMapper for Tap<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0.push(param.val().into_data());
        param
    }
}

#[test]
fn one_pass_agrees_with_plain_burn() {
    let ([host, host_average], [device, device_average]) =
        (three_updates(true), three_updates(false));
    for (host, device) in host.iter().zip(&device).chain(host_average.iter().zip(&device_average)) {
        host.assert_approx_eq::<f32>(device, Tolerance::rel_abs(1e-4, 1e-6));
    }
    assert_ne!(host[1], host_average[1], "the average lags behind");
}
