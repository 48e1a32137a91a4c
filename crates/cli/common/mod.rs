//! What several programs share: flag groups, data sets, feature extractors, output, signals, exit codes.

pub mod args;
pub mod data;
pub mod extractor;
pub mod image_args;
pub mod output;
pub mod run;
pub mod signals;
pub mod slurm;

pub use args::{DeviceArgs, OutputArgs, PageArgs, absolute, checkpoint_path, page_url};
pub use data::{Data, DatasetArgs, DatasetName};
pub(crate) use run::usage;
pub use run::{CODES, Failure, check_png, check_range, check_truncation};
pub use signals::StopSignals;
