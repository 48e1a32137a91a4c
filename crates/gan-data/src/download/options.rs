//! Where files are downloaded from, with limits of time and size.

use std::time::Duration;

/// Where files are downloaded from, with limits of time and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadOptions {
    /// Addresses of folders with MNIST's four `.gz` files, tried in order for each file.
    pub mirrors: Vec<String>,
    /// How long finding and reaching a host may take.
    pub connect_timeout: Duration,
    /// How long a mirror may send nothing.
    pub stall_timeout: Duration,
    /// How long a file may take in all.
    pub total_timeout: Duration,
    /// The largest `.gz` file that is accepted, in bytes.
    pub max_bytes: u64,
    /// Use the proxy of the environment (`HTTPS_PROXY`, `ALL_PROXY`, … and `NO_PROXY`).
    pub environment_proxy: bool,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            mirrors: vec![
                "https://ossci-datasets.s3.amazonaws.com/mnist/".into(),
                "https://storage.googleapis.com/cvdf-datasets/mnist/".into(),
            ],
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_mins(30),
            // The largest published file has 9 912 422.
            max_bytes: 16 << 20,
            environment_proxy: false,
        }
    }
}
