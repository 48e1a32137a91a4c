//! Class-conditional flow matching (Lipman et al. 2023): a net learns the velocity that carries noise
//! to images along straight lines, and samples follow it from noise in a few steps.
//!
//! [`net`] is the net, a small U-Net, and [`flow`] its loss and its samples. The loop and the command line
//! are those of `one_net`.

pub mod flow;
pub mod net;
