//! Adam: Kingma and Ba 2015, algorithm 1, and the average of the weights it makes.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;
use gan_model::TrainingConfig;
use gan_model::checkpoint::Moments;

/// Adam's settings, in the paper's names, and its moments of one net's weights.
pub(crate) struct Adam {
    /// Step size α.
    lr: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    first: Tensors,
    second: Tensors,
}

/// Tensors of any rank by the weight they belong to.
type Tensors = TensorContainer<ParamId>;

impl Adam {
    /// Adam before its first update, all moments zero.
    pub(crate) fn new(config: &TrainingConfig) -> Self {
        Self {
            lr: config.lr,
            beta1: config.beta1,
            beta2: config.beta2,
            epsilon: config.epsilon,
            first: Tensors::new(),
            second: Tensors::new(),
        }
    }

    /// Adam as a checkpoint left it.
    pub(crate) fn resume<M: Module>(config: &TrainingConfig, moments: &Moments<M>) -> Self {
        Self { first: collect(&moments.first), second: collect(&moments.second), ..Self::new(config) }
    }

    /// The moments in the places of `net`'s weights, zero where there was no update yet.
    pub(crate) fn moments<M: Module>(&self, net: &M) -> Moments<M> {
        let place = |tensors| net.valid().map(&mut Place { tensors });
        Moments { first: place(&self.first), second: place(&self.second) }
    }

    /// Moves `net` against its gradients; `time` counts updates from 1.
    ///
    /// A weight without a gradient stays as it is, and so do its moments.
    pub(crate) fn update<M: Module>(&mut self, net: M, gradients: GradientsParams, time: u64) -> M {
        let correction = |beta: f64| 1.0 - beta.powf(time as f64);
        net.map(&mut Update {
            gradients,
            step: self.lr / correction(self.beta1),
            root: correction(self.beta2).sqrt().recip(),
            adam: self,
        })
    }
}

struct Update<'a> {
    adam: &'a mut Adam,
    gradients: GradientsParams,
    /// α / (1 − β₁ᵗ)
    step: f64,
    /// 1 / √(1 − β₂ᵗ)
    root: f64,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        let Some(gradient) = self.gradients.remove::<D>(id) else { return param };
        let Adam { beta1, beta2, epsilon, first, second, .. } = &mut *self.adam;
        let decayed = |moments: &mut Tensors, beta: f64, new: Tensor<D>| {
            let new = new.mul_scalar(1.0 - beta);
            moments.remove::<Tensor<D>>(&id).map_or(new.clone(), |old| old.mul_scalar(beta) + new)
        };
        let m = decayed(first, *beta1, gradient.clone());
        let v = decayed(second, *beta2, gradient.square());
        first.register(id, m.clone());
        second.register(id, v.clone());
        let update = m.mul_scalar(self.step) / (v.sqrt().mul_scalar(self.root) + *epsilon);
        param.map(|weight| (weight.inner() - update).autodiff().require_grad())
    }
}

/// Moves each averaged weight by `1 − decay` of the way to its current value.
pub(crate) fn average<M: Module>(averaged: M, net: &M, decay: f64) -> M {
    averaged.map(&mut Average { current: collect(&net.valid()), decay })
}

struct Average {
    current: Tensors,
    decay: f64,
}

impl ModuleMapper for Average {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(current) = self.current.remove::<Tensor<D>>(&param.id) else { return param };
        let decay = self.decay;
        param.map(|old| old.mul_scalar(decay) + current.mul_scalar(1.0 - decay))
    }
}

struct Place<'a> {
    tensors: &'a Tensors,
}

impl ModuleMapper for Place<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let moment = self.tensors.get::<Tensor<D>>(&param.id);
        param.map(|weight| moment.unwrap_or_else(|| weight.zeros_like()))
    }
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
