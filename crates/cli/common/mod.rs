//! What several programs share: flag groups, data sets, feature extractors, output, exit codes.

pub mod args;
pub mod data;
pub mod exit;
pub mod extractor;
pub mod output;
pub mod page;
pub mod paths;
pub mod run;
