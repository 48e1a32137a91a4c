//! `gan-eval`, from flags to exit code.

mod args;
mod output;
pub(crate) mod ruler;
mod table;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use gan_core::memory;
use gan_core::stream::{Purpose, stream};
use gan_data::{Dataset, MNIST_SHAPE};
use gan_eval::bootstrap::Interval;
use gan_eval::classes::labels;
use gan_eval::memorisation::{Memorisation, memorisation, memorisation_intervals};
use gan_eval::{
    Extracted, FeatureExtractor, Measures, Nearest, Options, Reference, nearest, random_subset,
};
use gan_model::checkpoint::{Checkpoint, Header, Weights};
use gan_model::device::SelectedDevice;
use gan_sample::{Sampler, read_images};
use gan_train::{RunConfig, RunDir};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use self::args::EvalArgs;
use crate::exit::Failure;
use crate::say;
use crate::train::resume::{checkpoint_path, recorded_folder};
use crate::train::{DATASETS, Data, DataOptions, choose_device, get_data, use_threads};

/// Pictures whose nearest training images are looked for, and as many test images.
const REMEMBERED: usize = 2_000;
/// The fewest pictures that measures mean something of.
const FEWEST: usize = 100;
/// The most, for the work grows with their square.
const MOST: usize = 200_000;

/// About how many bytes a measurement needs in addition to its data set.
const MEMORY: usize = 256 << 20;
const MEMORY_PER_SAMPLE: usize = 5 << 10;

/// # Errors
/// How the program ends when it does not succeed.
pub fn main() -> Result<(), Failure> {
    let begin = Instant::now();
    let args = EvalArgs::parse();
    if args.shell.print(EvalArgs::command())? {
        return Ok(());
    }
    let making = args.ruler.as_deref() == Some(Path::new("train"));
    if args.checkpoint.is_none() && args.samples.is_none() && !making {
        let what = "nothing to measure; give --checkpoint CKPT|DIR or --samples FILE.npy|DIR";
        return Err(Failure::Usage(what.into()));
    }
    if !(FEWEST..=MOST).contains(&args.count) {
        let count = args.count;
        return Err(Failure::Usage(format!("--count is {count}; expected {FEWEST} to {MOST}")));
    }
    output::check(&args)?;
    if let Some(threads) = args.threads {
        use_threads(threads)?;
    }
    let device = choose_device(Some(&args.device))?;
    let source = Source::open(&args, &device)?;
    let mut data = get_data(&data_options(&args, source.as_ref()), args.quiet)?;
    let ruler = ruler::choose(args.ruler.as_deref(), &mut data, &device.device, args.quiet)?;
    let Some(source) = source else { return Ok(()) };
    let report = Report::make(&args, &source, &mut data, &ruler, &device)?;
    report.tell(&args, &source, &ruler, begin)
}

/// What is odd about pictures that are read without an error, if something is.
fn oddity(pixels: &[u8]) -> Option<&'static str> {
    let ink = pixels.iter().filter(|&&pixel| pixel > 127).count();
    if pixels.iter().all(|&pixel| pixel <= 1) {
        Some("no pixel is above 1, and ink is 255; multiply by 255 if ink is 1 there")
    } else if 2 * ink > pixels.len() {
        Some("most pixels are ink; paper is 0 and ink 255, take 255 - x if it is turned there")
    } else {
        None
    }
}

/// Pictures, and where they come from.
struct Source {
    path: PathBuf,
    /// `[n, 28, 28]`
    pixels: Vec<u8>,
    /// Of the checkpoint that drew them, if one did, and with which weights.
    header: Option<Header>,
    weights: Option<Weights>,
}

impl Source {
    /// What was asked for; none if nothing was.
    fn open(args: &EvalArgs, device: &SelectedDevice) -> Result<Option<Self>, Failure> {
        let source = match (&args.samples, &args.checkpoint) {
            (Some(path), _) => {
                let pixels = read_images(path, [MNIST_SHAPE.width, MNIST_SHAPE.height], MOST)
                    .map_err(|error| anyhow::anyhow!("--samples: {error}"))?;
                let mut rng = stream(args.seed, Purpose::Subset, 4);
                let pixels = random_subset(&pixels, MNIST_SHAPE.len(), args.count, &mut rng);
                if let Some(what) = oddity(&pixels) {
                    say::note(format!("warning: --samples {}: {what}", path.display()));
                }
                Self { path: path.clone(), pixels, header: None, weights: None }
            }
            (None, Some(path)) => Self::draw(&checkpoint_path(path), args, device)?,
            (None, None) => return Ok(None),
        };
        let found = source.pixels.len() / MNIST_SHAPE.len();
        if found < FEWEST {
            return Err(Failure::Usage(format!(
                "--samples {} holds {found} pictures; expected {FEWEST} or more",
                source.path.display()
            )));
        }
        Ok(Some(source))
    }

    fn draw(path: &Path, args: &EvalArgs, device: &SelectedDevice) -> Result<Self, Failure> {
        let checkpoint = Checkpoint::open(path)?;
        let weights = if args.raw { Weights::Raw } else { Weights::Averaged };
        let generator = checkpoint.generator(weights, &device.device)?;
        let header = checkpoint.header().clone();
        let (width, height) = (header.model.width, header.model.height);
        if [width, height] != [MNIST_SHAPE.width, MNIST_SHAPE.height] {
            return Err(Failure::Usage(format!(
                "{} draws pictures of {width}x{height}; expected 28x28",
                path.display()
            )));
        }
        let sampler = Sampler::new(&generator, &header.model, &device.device);
        let pixels = sampler.pictures(args.seed, 0, args.count);
        Ok(Self { path: path.into(), pixels, header: Some(header), weights: Some(weights) })
    }
}

/// The data set that was named, or the one that the checkpoint learnt from.
fn data_options(args: &EvalArgs, source: Option<&Source>) -> DataOptions {
    let (mut dataset, mut dir) = (args.dataset.clone(), args.data_dir.clone());
    if let Some(Source { path, header: Some(header), .. }) = source {
        let known = &header.dataset.name;
        if dataset.is_none() && DATASETS.contains(&known.as_str()) {
            dataset = Some(known.clone());
        }
        let config = path.parent().and_then(RunDir::read_config::<RunConfig>);
        dir = dir.or_else(|| config.as_ref().and_then(recorded_folder));
    }
    DataOptions { dataset: dataset.unwrap_or_else(|| "mnist".into()), dir, offline: args.offline }
}

/// All that was found.
struct Report {
    dataset: String,
    tested: usize,
    /// Share of the test images that the ruler reads rightly.
    accuracy: f64,
    found: Measures,
    floor: Measures,
    memory: Memorisation,
    /// Of its ratio and its share.
    memory_intervals: [Interval; 2],
}

impl Report {
    fn make(
        args: &EvalArgs,
        source: &Source,
        data: &mut Data,
        ruler: &FeatureExtractor,
        device: &SelectedDevice,
    ) -> Result<Self, Failure> {
        let test = data.test()?;
        let pixels = &source.pixels;
        let shape = data.train.shape();
        let count = pixels.len() / shape.len();
        memory::check(MEMORY + count * MEMORY_PER_SAMPLE)
            .map_err(|error| anyhow::anyhow!("cannot measure {count} samples: {error}"))?;
        let bar = Bar::new(args.quiet)?;
        let options = Options { seed: args.seed, ..Options::default() };

        let real = bar.look("looking at test images", ruler, test.images());
        let reference = Reference::new(ruler, real);
        let seen = bar.look("looking at pictures", ruler, pixels);
        bar.stage("measuring pictures");
        let found = reference.evaluate(&seen, options);
        let mut rng = stream(args.seed, Purpose::Floor, 0);
        let others = random_subset(data.train.images(), shape.len(), count, &mut rng);
        let stand_ins = bar.look("looking at real images in their place", ruler, &others);
        bar.stage("measuring real images in their place");
        let floor = reference.evaluate(&stand_ins, Options { resamples: 0, ..options });
        let mut rng = stream(args.seed, Purpose::Subset, 1);
        let some = random_subset(pixels, shape.len(), REMEMBERED, &mut rng);
        let (near, memory, memory_intervals) =
            remember(&bar, &some, &data.train, &test, device, options);
        bar.0.finish_and_clear();

        if let Some(path) = &args.pairs {
            output::draw_pairs(path, &some, &data.train, &near)?;
        }
        if let Some(folder) = &args.features {
            output::write_features(folder, reference.real(), &seen, ruler)?;
        }
        let dataset = data.train.name().to_owned();
        let read = labels(&reference.real().probabilities, ruler.classes());
        let expected = test.labels().unwrap_or_default();
        let right = read.iter().zip(expected).filter(|&(&a, &b)| a == usize::from(b)).count();
        let accuracy = right as f64 / test.len() as f64;
        let tested = test.len();
        Ok(Self { dataset, tested, accuracy, found, floor, memory, memory_intervals })
    }

    fn tell(
        &self,
        args: &EvalArgs,
        source: &Source,
        ruler: &FeatureExtractor,
        begin: Instant,
    ) -> Result<(), Failure> {
        let Self { dataset, tested, accuracy, found, floor, memory, .. } = self;
        let [ratio, share] = self.memory_intervals;
        let weights = source.weights.map(|weights| match weights {
            Weights::Averaged => "averaged",
            Weights::Raw => "raw",
        });
        let seconds = begin.elapsed().as_secs_f64();
        if args.json {
            return Ok(say::json(&json!({
                "source": source.path,
                "epochs": source.header.as_ref().map(|header| header.step),
                "weights": weights,
                "seed": args.seed,
                "dataset": dataset,
                "ruler": {
                    "name": ruler.name(),
                    "sha256": ruler.digest(),
                    "accuracy": accuracy,
                },
                "measures": found,
                "floor": floor,
                "memory": {
                    "median_ratio": memory.ratio,
                    "median_ratio_interval": [ratio.low, ratio.high],
                    "near_share": memory.share,
                    "near_share_interval": [share.low, share.high],
                    "near_threshold": memory.threshold,
                },
                "pairs": args.pairs,
                "seconds": seconds,
            }))?);
        }
        let drawn = source
            .header
            .as_ref()
            .zip(weights)
            .map(|(header, weights)| format!(" (epoch {}, {weights} weights)", header.step));
        say::data(format!(
            "{} pictures of {}{}\nagainst {tested} test images of {dataset}\n\
             ruler {} (sha256 {:.12}…, reads {:.2}% of these rightly)\n\n{}\n\n  \
             nearest training image: {:.2} ({:.2} to {:.2}) times as far as test images have \
             theirs;\n  {:.1}% ({:.1} to {:.1}%) of the pictures nearer than 99% of test images \
             (1% is chance)",
            found.count,
            source.path.display(),
            drawn.unwrap_or_default(),
            ruler.name(),
            ruler.digest(),
            100.0 * accuracy,
            table::measures(found, floor),
            memory.ratio,
            ratio.low,
            ratio.high,
            100.0 * memory.share,
            100.0 * share.low,
            100.0 * share.high,
        ))?;
        if !args.quiet {
            say::note(format!("\nmeasured in {}", say::duration(seconds)));
        }
        Ok(())
    }
}

/// How near pictures lie to training images, next to as many test images as [`REMEMBERED`] says.
fn remember(
    bar: &Bar,
    pixels: &[u8],
    train: &Dataset,
    test: &Dataset,
    device: &SelectedDevice,
    options: Options,
) -> (Vec<Nearest>, Memorisation, [Interval; 2]) {
    bar.stage("looking for the nearest training images");
    let near = |images: &[u8]| {
        nearest(images, train.images(), train.shape(), &device.device, &|part| {
            bar.0.set_length(100);
            bar.0.set_position((100.0 * part) as u64);
        })
    };
    let mut rng = stream(options.seed, Purpose::Subset, 2);
    let test = random_subset(test.images(), test.shape().len(), REMEMBERED, &mut rng);
    let (near, test) = (near(pixels), near(&test));
    let distances = |near: &[Nearest]| near.iter().map(|n| n.distance).collect::<Vec<_>>();
    let (found, expected) = (distances(&near), distances(&test));
    // The measures' resamples are counted from 1.
    let mut rng = stream(options.seed, Purpose::Bootstrap, 0);
    let intervals = memorisation_intervals(&found, &expected, options.resamples, &mut rng);
    (near, memorisation(&found, &expected), intervals)
}

/// What is going on, on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(quiet: bool) -> anyhow::Result<Self> {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(1) };
        let style = ProgressStyle::with_template("  [{bar:24}] {msg}").context("progress bar")?;
        bar.set_style(style.progress_chars("=> "));
        Ok(Self(bar))
    }

    fn stage(&self, what: &'static str) {
        self.0.set_message(what);
        self.0.set_position(0);
        self.0.tick();
    }

    fn look(&self, what: &'static str, ruler: &FeatureExtractor, images: &[u8]) -> Extracted {
        self.stage(what);
        self.0.set_length((images.len() / ruler.shape().len()) as u64);
        ruler.extract(images, &|done| self.0.set_position(done as u64))
    }
}
