//! Class-conditional flow matching (Lipman et al. 2023): noise is carried to images along straight lines,
//! whose velocity follows from a net that tells where they lead (Li and He 2025). Samples follow it from
//! noise in a few steps.
//!
//! [`net`] is the net, a small U-Net, and [`flow`] its loss and its samples. The loop and the command line
//! are those of `one_net`.

pub mod flow;
pub mod net;
