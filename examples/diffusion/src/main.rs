//! Digits by flow matching.
//!
//!     cargo run --release -p diffusion -- train --data-dir data/mnist
//!     cargo run --release -p diffusion -- sample --run runs/0001-mnist-diffusion --out samples.png

use diffusion::flow::Flow;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    one_net::command::run::<Flow>(
        "Train a flow matching model, a kind of diffusion, on digits, and draw samples with it",
    )
}
