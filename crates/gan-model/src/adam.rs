//! Adam (Kingma and Ba 2015, algorithm 1), and the exponential moving average of the weights.
//!
//! Where tensors are in the host's memory, a weight, its moments and its average are updated in one
//! pass of [`AdamStep`]; elsewhere by Burn's operations.

use crate::checkpoint::Moments;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::container::TensorContainer;
use burn::tensor::{Gradients, Tensor, TensorData};
use gan_kernels::AdamStep;

/// Adam's settings, in the paper's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// β₁, decay rate of the first moment, in [0, 1).
    pub beta1: f64,
    /// β₂, decay rate of the second moment, in [0, 1).
    pub beta2: f64,
    /// ε, the guard against division by zero.
    pub epsilon: f64,
}

/// Adam with its moments of one net's weights.
pub struct Adam {
    betas: AdamConfig,
    /// Whether tensors are in the host's memory.
    on_host: bool,
    first: Tensors,
    second: Tensors,
}

/// Tensors of any rank by the weight they belong to.
type Tensors = TensorContainer<ParamId>;

/// The moving average of a net's weights: each step, average = decay · average +
/// (1 − decay) · weight.
pub struct Ema {
    weights: Tensors,
    decay: f64,
}

impl Ema {
    /// Takes the averaged weights out of a net; [`place`](Self::place) returns them.
    pub fn of<M: Module>(net: M, decay: f64) -> Self {
        let weights = collect(&net);
        drop(net); // A tensor that is not shared is updated in place.
        Self { weights, decay }
    }

    /// `net` with the averaged weights in place of its own.
    pub fn place<M: Module>(&self, net: &M) -> M {
        place(net, &self.weights)
    }
}

impl Adam {
    /// Adam before its first update, with all moments zero. `on_host` tells that tensors are in the
    /// host's memory, where an update is one pass.
    pub fn new(betas: AdamConfig, on_host: bool) -> Self {
        Self { betas, on_host, first: Tensors::new(), second: Tensors::new() }
    }

    /// Adam with the moments of a checkpoint.
    pub fn resume<M: Module>(betas: AdamConfig, on_host: bool, moments: &Moments<M>) -> Self {
        let (first, second) = (collect(&moments.first), collect(&moments.second));
        Self { first, second, ..Self::new(betas, on_host) }
    }

    /// The moments in place of `net`'s weights, zero where there was no update yet.
    pub fn moments<M: Module>(&self, net: &M) -> Moments<M> {
        Moments { first: place(net, &self.first), second: place(net, &self.second) }
    }

    /// Updates `net` with its gradients and the step size `lr`, then `average`; `time` counts updates
    /// from 1. A weight without a gradient does not change, and neither do its moments.
    #[must_use]
    pub fn update<M: Module>(
        &mut self,
        net: M,
        gradients: Gradients,
        average: Option<&mut Ema>,
        time: u64,
        lr: f64,
    ) -> M {
        let correction = |beta: f64| 1.0 - libm::pow(beta, time as f64);
        let step = lr / correction(self.betas.beta1);
        let root = correction(self.betas.beta2).sqrt().recip();
        net.map(&mut Update { adam: self, gradients, average, step, root })
    }
}

struct Update<'a> {
    adam: &'a mut Adam,
    gradients: Gradients,
    average: Option<&'a mut Ema>,
    /// α / (1 − β₁ᵗ)
    step: f64,
    /// 1 / √(1 − β₂ᵗ)
    root: f64,
}

/// A weight, its first and second moment, and its average if there is one.
struct State<const D: usize> {
    weight: Tensor<D>,
    first: Tensor<D>,
    second: Tensor<D>,
    average: Option<(Tensor<D>, f64)>,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let gradient = param.val().grad_remove(&mut self.gradients);
        let Some(gradient) = gradient else { return param };
        let (id, weight, mapper) = param.consume();
        let weight = weight.inner();
        let zeros = || gradient.zeros_like();
        let average = self.average.as_mut();
        let old = State {
            first: self.adam.first.remove(&id).unwrap_or_else(zeros),
            second: self.adam.second.remove(&id).unwrap_or_else(zeros),
            average: average.and_then(|a| Some((a.weights.remove(&id)?, a.decay))),
            weight,
        };
        let new = if self.adam.on_host && !gan_kernels::reference::is_active() {
            self.on_host(old, gradient)
        } else {
            self.on_device(old, gradient)
        };
        self.adam.first.register(id, new.first);
        self.adam.second.register(id, new.second);
        if let (Some(average), Some((tensor, _))) = (&mut self.average, new.average) {
            average.weights.register(id, tensor);
        }
        Param::from_mapped_value(id, new.weight.autodiff().require_grad(), mapper)
    }
}

impl Update<'_> {
    /// By Burn's operations: for GPUs, and the reference for the pass on the host.
    fn on_device<const D: usize>(&self, old: State<D>, gradient: Tensor<D>) -> State<D> {
        let AdamConfig { beta1, beta2, epsilon } = self.adam.betas;
        let decayed = |old: Tensor<D>, new: Tensor<D>, beta: f64| {
            old.mul_scalar(beta) + new.mul_scalar(1.0 - beta)
        };
        let first = decayed(old.first, gradient.clone(), beta1);
        let second = decayed(old.second, gradient.square(), beta2);
        let root = second.clone().sqrt().mul_scalar(self.root) + epsilon;
        let weight = old.weight - first.clone().mul_scalar(self.step) / root;
        let average =
            old.average.map(|(average, decay)| (decayed(average, weight.clone(), decay), decay));
        State { weight, first, second, average }
    }

    /// In one pass, in place.
    fn on_host<const D: usize>(&self, old: State<D>, gradient: Tensor<D>) -> State<D> {
        let device = gradient.device();
        let gradient = gradient.into_data();
        let [mut weight, mut first, mut second] =
            [old.weight, old.first, old.second].map(Tensor::into_data);
        let mut average = old.average.map(|(average, decay)| (average.into_data(), decay));
        let step = AdamStep {
            beta1: self.adam.betas.beta1 as f32,
            beta2: self.adam.betas.beta2 as f32,
            step: self.step as f32,
            root: self.root as f32,
            epsilon: self.adam.betas.epsilon as f32,
        };
        let numbers = average.as_mut().map(|(average, decay)| (floats(average), *decay as f32));
        let moments = [floats(&mut first), floats(&mut second)];
        step.apply(floats(&mut weight), gradient.as_slice().unwrap_or(&[]), moments, numbers);
        let tensor = |data| Tensor::from_data(data, &device);
        State {
            weight: tensor(weight),
            first: tensor(first),
            second: tensor(second),
            average: average.map(|(average, decay)| (tensor(average), decay)),
        }
    }
}

/// The numbers of a net's tensor. All are `f32`: a checkpoint with others is refused.
fn floats(data: &mut TensorData) -> &mut [f32] {
    data.as_mut_slice().unwrap_or_default()
}

struct Place<'a> {
    tensors: &'a Tensors,
}

impl ModuleMapper for Place<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let placed = self.tensors.get::<Tensor<D>>(&param.id);
        param.map(|weight| placed.unwrap_or_else(|| weight.zeros_like()))
    }
}

fn place<M: Module>(net: &M, tensors: &Tensors) -> M {
    net.valid().map(&mut Place { tensors })
}

fn collect<M: Module>(module: &M) -> Tensors {
    struct Collect(Tensors);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.register(param.id, param.val());
        }
    }
    let mut collect = Collect(Tensors::new());
    module.visit(&mut collect);
    collect.0
}

#[cfg(test)]
mod tests;
