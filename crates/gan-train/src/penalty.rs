//! Gradient penalties, with derivatives of the first order alone.
//!
//! R1 and R2 are γ/2 E|∇D(x)|² over real and over generated images (Mescheder, Geiger and Nowozin
//! 2018, equations 9 and 10). Their gradient with respect to D's weights is a second derivative,
//! which Burn does not offer. But with q = γ ∇D(x) held constant it is, image by image, the gradient
//! of q · ∇D(x), the directional derivative of D along q. ∇D is the product of the layers' VJPs, and
//! the directional derivative one forward pass of their JVPs, so this works for any stack of
//! layers.

use burn::module::Module;
use burn::tensor::Tensor;
use gan_model::{Discriminator, DropoutMasks, Labels};

/// A number whose gradient with respect to the discriminator's weights is that of γ/2 E|∇D(x)|²
/// over the images of a forward pass with these `features`, `labels` and `masks`, which carry its graph. Its
/// value is twice the penalty.
pub(crate) fn gradient_penalty(
    discriminator: &Discriminator,
    mut features: Vec<Tensor<2>>,
    labels: Option<&Labels>,
    masks: &DropoutMasks,
    gamma: f64,
) -> Tensor<1> {
    let inner = |x: &[Tensor<2>]| x.iter().map(|x| x.clone().inner()).collect::<Vec<_>>();
    let inner_masks = masks.iter().map(|mask| mask.clone().map(Tensor::inner)).collect();
    let gradient = discriminator.valid().input_gradient(&inner(&features), labels, &inner_masks);
    if discriminator.is_piecewise_linear() {
        features = inner(&features).into_iter().map(Tensor::autodiff).collect();
    }
    discriminator.jvp(gradient.autodiff(), &features, labels, masks).mean().mul_scalar(gamma)
}

#[cfg(test)]
mod tests;
