//! What `gan-eval` writes beside its words: pictures of pairs, and features.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use gan_data::Dataset;
use gan_eval::memorisation::closest;
use gan_eval::{Extracted, FeatureExtractor, Nearest};
use gan_sample::{Grid, write_png};
use npyz::WriterBuilder;

use super::args::EvalArgs;
use crate::exit::Failure;

/// Pairs that are drawn, and how many in a row.
const PAIRS: [usize; 2] = [40, 20];

/// What will be written, known before the work is done.
pub fn check(args: &EvalArgs) -> Result<(), Failure> {
    let fails = |flag: &str, path: &Path, what: &str| {
        Err(Failure::Usage(format!("--{flag} {} {what}", path.display())))
    };
    if let Some(path) = &args.features
        && path.exists()
    {
        return fails("features", path, "is there already; name a new folder");
    }
    if let Some(path) = &args.pairs
        && (path.is_dir() || path.extension().is_none_or(|ending| ending != "png"))
    {
        return fails("pairs", path, "is no picture's name; expected FILE.png");
    }
    for (flag, path) in [("features", &args.features), ("pairs", &args.pairs)] {
        if let Some(path) = path
            && let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty())
            && !parent.is_dir()
        {
            return fails(flag, path, "would lie in a folder that is not there; make it first");
        }
    }
    Ok(())
}

/// A row of the closest pictures, a row of their training images, and so on.
pub fn draw_pairs(
    path: &Path,
    pixels: &[u8],
    train: &Dataset,
    near: &[Nearest],
) -> anyhow::Result<()> {
    let distances: Vec<_> = near.iter().map(|n| n.distance).collect();
    let (mut drawn, shape) = (Vec::new(), train.shape());
    for row in closest(&distances, PAIRS[0]).chunks(PAIRS[1]) {
        for &index in row {
            drawn.extend_from_slice(&pixels[index * shape.len()..][..shape.len()]);
        }
        for &index in row {
            drawn.extend_from_slice(train.image(near[index].index));
        }
    }
    let image = Grid { columns: PAIRS[1], scale: 2 }.draw(&drawn, [shape.width, shape.height])?;
    write_png(path, &image)
        .map_err(|error| anyhow::anyhow!("cannot write --pairs {}: {error}", path.display()))
}

/// Three arrays, for another program to measure.
pub fn write_features(
    folder: &Path,
    real: &Extracted,
    fake: &Extracted,
    ruler: &FeatureExtractor,
) -> anyhow::Result<()> {
    let failed = |error| anyhow::anyhow!("cannot write --features {}: {error}", folder.display());
    fs::create_dir(folder).map_err(failed)?;
    for (name, numbers, width) in [
        ("real.npy", &real.features, FeatureExtractor::FEATURES),
        ("fake.npy", &fake.features, FeatureExtractor::FEATURES),
        ("probabilities.npy", &fake.probabilities, ruler.classes()),
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
