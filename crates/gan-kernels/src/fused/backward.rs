//! Their backward passes.

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::{
    Activation, FloatTensor, Host, HostOps, Normalised, dense_forward, matrix, norm_forward,
    product, tangent_forward, tensor,
};
use crate::batch_norm::differentiate;
use crate::log_sigmoid::log_sigmoid_slope;
use crate::matmul::rows_then_sums;

impl<B: Host + HostOps, C: CheckpointStrategy> HostOps for Autodiff<B, C> {
    fn host_dense(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let [(input, input_node), (weight, weight_node), (bias, bias_node)] =
            [input, weight, bias].map(FloatTensor::<Self>::into_parts);
        let nodes = [input_node, weight_node, bias_node];
        let [input, weight] = [input, weight].map(B::contiguous);
        let output = dense_forward::<B>(input.clone(), weight.clone(), bias, activation);
        match DenseBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = State::<B> { input, weight, output: output.clone(), activation };
                prep.finish(state, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn host_dense_jvp(
        tangent: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        output: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let [(input, input_node), (weight, weight_node), (output, _)] =
            [tangent, weight, output].map(FloatTensor::<Self>::into_parts);
        let [input, weight, output] = [input, weight, output].map(B::contiguous);
        let slope = tangent_forward::<B>(input.clone(), weight.clone(), &output, activation);
        match TangentBackward.prepare::<C>([input_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                prep.finish(State::<B> { input, weight, output, activation }, slope)
            }
            OpsKind::UnTracked(prep) => prep.finish(slope),
        }
    }

    fn host_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        activation: Activation,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let [(x, x_node), (gamma, gamma_node), (beta, beta_node)] =
            [x, gamma, beta].map(FloatTensor::<Self>::into_parts);
        let gamma = B::contiguous(gamma);
        let done = norm_forward::<B>(x, &gamma, beta, activation, epsilon);
        let Normalised { output, normal, inverse } = done;
        let nodes = [x_node, gamma_node, beta_node];
        match NormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = output.clone();
                let state = NormState::<B> { normal, inverse, gamma, output: y, activation };
                prep.finish(state, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn host_log_sigmoid(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let x = B::contiguous(x);
        let output = B::host_log_sigmoid(x.clone());
        match LogSigmoidBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(x, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[derive(Debug)]
struct LogSigmoidBackward;

impl<B: Host> Backward<B, 1> for LogSigmoidBackward {
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<FloatTensor<B>, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = B::contiguous(gradients.consume::<B>(&ops.node));
        let [node] = ops.parents;
        let Some(node) = node else { return };
        let gradient = B::edit(gradient, |gradient| {
            let pairs = gradient.iter_mut().zip(B::floats(&ops.state));
            pairs.for_each(|(gradient, &x)| *gradient *= log_sigmoid_slope(x));
        });
        gradients.register::<B>(node.id, gradient);
    }
}

#[derive(Debug)]
struct DenseBackward;

/// What the forward pass leaves for the backward one.
#[derive(Clone, Debug)]
struct State<B: Host> {
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    output: FloatTensor<B>,
    activation: Activation,
}

impl<B: Host> Backward<B, 3> for DenseBackward {
    type State = State<B>;

    fn backward(
        self,
        ops: Ops<State<B>, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let [input, weight, bias] = ops.parents;
        let gradient = gradients.consume::<B>(&ops.node);
        let (gradient, sums) = before_activation::<B>(gradient, &ops.state);
        let nodes = [input, weight].map(|node| node.map(|node| node.id));
        products::<B>(gradients, &ops.state, &gradient, nodes);
        if let Some(node) = bias {
            let columns = sums.len();
            gradients.register::<B>(node.id, tensor::<B, 1>(sums, [columns]));
        }
    }
}

#[derive(Debug)]
struct TangentBackward;

impl<B: Host> Backward<B, 2> for TangentBackward {
    type State = State<B>;

    fn backward(
        self,
        ops: Ops<State<B>, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        let (gradient, _) = before_activation::<B>(gradient, &ops.state);
        let nodes = ops.parents.map(|node| node.map(|node| node.id));
        products::<B>(gradients, &ops.state, &gradient, nodes);
    }
}

/// The gradient of a layer's sums, from that of its output and in its place, and the
/// totals of its columns.
fn before_activation<B: Host>(
    gradient: FloatTensor<B>,
    state: &State<B>,
) -> (FloatTensor<B>, Vec<f32>) {
    let columns = matrix::<B>(&state.weight).columns;
    let mut sums = Vec::new();
    let gradient = B::edit(B::contiguous(gradient), |gradient| {
        sums = rows_then_sums(gradient, B::floats(&state.output), columns, |g, y| {
            state.activation.differentiate(g, y);
        });
    });
    (gradient, sums)
}

/// Registers the gradients of a product's two operands; none is computed that nobody
/// asked for.
fn products<B: Host>(
    gradients: &mut Gradients,
    state: &State<B>,
    gradient: &FloatTensor<B>,
    [input_node, weight_node]: [Option<NodeId>; 2],
) {
    let (input, weight) = (matrix::<B>(&state.input), matrix::<B>(&state.weight));
    let gradient = matrix::<B>(gradient);
    if let Some(node) = weight_node {
        let data = product(input.transposed(), gradient, None, |_| ());
        gradients.register::<B>(node, tensor::<B, 2>(data, [input.columns, weight.columns]));
    }
    if let Some(node) = input_node {
        let data = product(gradient, weight.transposed(), None, |_| ());
        gradients.register::<B>(node, tensor::<B, 2>(data, [input.rows, weight.rows]));
    }
}

#[derive(Debug)]
struct NormBackward;

/// What a normalisation leaves for its backward pass.
#[derive(Clone, Debug)]
struct NormState<B: Host> {
    normal: FloatTensor<B>,
    inverse: Vec<f32>,
    gamma: FloatTensor<B>,
    output: FloatTensor<B>,
    activation: Activation,
}

impl<B: Host> Backward<B, 3> for NormBackward {
    type State = NormState<B>;

    fn backward(
        self,
        ops: Ops<NormState<B>, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let NormState { normal, inverse, gamma, output, activation } = &ops.state;
        let mut sums = [Vec::new(), Vec::new()];
        let gradient = B::edit(B::contiguous(gradients.consume::<B>(&ops.node)), |gradient| {
            let state = [B::floats(normal), B::floats(output), inverse, B::floats(gamma)];
            sums = pulp::Arch::new().dispatch(|| differentiate(gradient, state, *activation));
        });
        let [x_node, gamma_node, beta_node] = ops.parents;
        for (node, sums) in [gamma_node, beta_node].into_iter().zip(sums) {
            if let Some(node) = node {
                let columns = sums.len();
                gradients.register::<B>(node.id, tensor::<B, 1>(sums, [columns]));
            }
        }
        if let Some(node) = x_node {
            gradients.register::<B>(node.id, gradient);
        }
    }
}
