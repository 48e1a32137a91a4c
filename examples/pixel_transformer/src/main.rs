//! Digits, pixel by pixel.
//!
//!     cargo run --release -p pixel_transformer -- train --data-dir data/mnist
//!     cargo run --release -p pixel_transformer -- sample --run runs/0001-mnist-pixel_transformer --out samples.png

use pixel_transformer::pixels::PixelTransformer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    one_net::command::run::<PixelTransformer>(
        "Train a transformer that knows how likely each next pixel is, and draw digits with it",
    )
}
