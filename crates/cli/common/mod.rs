//! What several programs share: flag groups, data sets, feature extractors, output, exit codes.

pub mod args;
pub mod data;
pub mod extractor;
pub mod image_args;
pub mod output;
pub mod run;
pub mod slurm;

pub use args::{DeviceArgs, OutputArgs, PageArgs, absolute, checkpoint_path, page_url};
pub use data::{Data, DatasetArgs, DatasetName};
#[cfg(unix)]
pub use run::outlives_terminal;
pub(crate) use run::usage;
pub use run::{CODES, Failure, check_png, check_range, check_truncation};
