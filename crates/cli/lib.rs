//! The command lines: flags in, exit code out.
//!
//! One folder a program. Raw flags (`args`) and validated options (`options`)
//! are two types; everything a program says goes through [`say`], so that data
//! is on stdout and the rest on stderr, and a closed pipe is no panic.

pub mod eval;
pub mod exit;
pub mod report;
pub mod runs;
pub mod sample;
pub mod say;
mod shell;
pub mod train;
pub mod watch;
