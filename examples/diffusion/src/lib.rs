//! Class-conditional flow matching (Lipman et al. 2023). Straight lines lead from noise to images, and a
//! net predicts the image at the end of the line from a point on it; the velocity along the line follows
//! from the prediction (Li and He 2025). A sampler integrates the velocity in a few steps.
//!
//! [`net`] is the net, a small U-Net; [`flow`] is its loss and the sampler. The training loop and the
//! command line are in `one_net`.

pub mod flow;
pub mod net;
