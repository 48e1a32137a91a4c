//! Class-conditional flow matching (Lipman et al. 2023): a net learns the velocity that carries noise
//! to images along straight lines, and samples follow it from noise in a few steps.
//!
//! [`net`] is the net, a small U-Net; [`flow`] the training's loss and the sampling; [`run`] the
//! training's loop and its run directory, which `gan-watch`, `gan-report` and `gan-runs` show.

pub mod flow;
pub mod net;
pub mod run;
