//! The files that `gan-eval` writes: a PNG of pairs, and features.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use gan_data::Dataset;
use gan_eval::memorisation::closest;
use gan_eval::{Extracted, FeatureExtractor, Nearest};
use gan_sample::{Grid, write_png};
use npyz::WriterBuilder;

/// Number of pairs, and pairs per row.
const PAIRS: [usize; 2] = [40, 20];

/// Writes rows of the closest samples, each above a row of their nearest training images.
pub fn write_pairs(
    path: &Path,
    samples: &[u8],
    train: &Dataset,
    near: &[Nearest],
) -> anyhow::Result<()> {
    let distances: Vec<_> = near.iter().map(|n| n.distance).collect();
    let (mut pixels, shape) = (Vec::new(), train.shape());
    for row in closest(&distances, PAIRS[0]).chunks(PAIRS[1]) {
        for &index in row {
            pixels.extend_from_slice(&samples[index * shape.len()..][..shape.len()]);
        }
        for &index in row {
            pixels.extend_from_slice(train.image(near[index].index));
        }
    }
    let image = Grid { columns: PAIRS[1], scale: 2 }.draw(&pixels, shape)?;
    write_png(path, &image)
        .map_err(|error| anyhow::anyhow!("cannot write --pairs {}: {error}", path.display()))
}

/// Writes three arrays for other programs.
pub fn write_features(
    folder: &Path,
    real: &Extracted,
    fake: &Extracted,
    extractor: &FeatureExtractor,
) -> anyhow::Result<()> {
    let failed = |error| anyhow::anyhow!("cannot write --features {}: {error}", folder.display());
    fs::create_dir(folder).map_err(failed)?;
    for (name, numbers, width) in [
        ("real.npy", &real.features, FeatureExtractor::FEATURES),
        ("fake.npy", &fake.features, FeatureExtractor::FEATURES),
        ("probabilities.npy", &fake.probabilities, extractor.classes()),
    ] {
        let write = || {
            let file = BufWriter::new(File::create_new(folder.join(name))?);
            let shape = [numbers.len() / width, width].map(|n| n as u64);
            let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
            let mut npy = options.writer(file).begin_nd()?;
            npy.extend(numbers.iter().copied())?;
            npy.finish()
        };
        write().map_err(failed)?;
    }
    Ok(())
}
