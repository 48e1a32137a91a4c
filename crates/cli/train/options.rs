//! The flags of `gan-train`, and what they mean once checked.

use std::path::{Path, PathBuf};

use clap::Parser;
use gan_data::Dataset;
use gan_model::checkpoint::{Checkpoint, Header};
use gan_model::device::SelectedDevice;
use gan_model::{ModelConfig, TrainingConfig};
use gan_run::{RunPaths, Tail};
use gan_train::{InitFrom, RunConfig, RunDir, dataset_info};

use super::config_file;
use super::effective::{check, check_init, merge, new_settings, refuse_other_families};
use super::fields::{replace, training_fields};
use super::resume::{Resume, same_path};
use super::settings::{PixelMean, Settings};
use crate::common::data::shape_flags;
use crate::common::extractor;
use crate::common::{
    Data, DatasetArgs, DatasetName, Failure, OutputArgs, PageArgs, absolute, check_png,
    checkpoint_path, usage,
};

const EXAMPLES: &str = "Examples:
  gan-train                                  10000 epochs of batch size 128 on MNIST
  gan-train --epochs 10000 --batch 128       the same, with the defaults written out
  gan-train --data my-images --size 32       on your own images: a folder, a .zip, .npy, .npz, .csv
  gan-train --data my-images --size 32 --dry-run --preview seen.png
                                             look at them first
  gan-train --init-from runs/0001-mnist-dense --data others
                                             fine-tune its networks on other images
  gan-train --dataset synthetic --offline    on built-in synthetic digits, without a download
  gan-train --resume runs/0001-mnist-dense   continue an interrupted run
  gan-train --resume runs/0001-mnist-dense --epochs 20000
  gan-train --config my.toml --seed 7        flags override the file, the file the recipe
  gan-train --serve                          with a live page for a browser
  gan-train --dry-run                        show the effective settings and exit";

const AFTER: &str = "Keys of the configuration file are the names of flags:
  epochs = 2000
  recipe = \"plain\"
  generator-hidden = [128, 256]";

const CODES: &str = "Exit codes: 0 success, 1 failure, 2 wrong usage, 3 training diverged, \
129 terminal closed (SIGHUP), 130 interrupted (Ctrl-C), 143 terminated (SIGTERM). An interrupted \
training has saved its checkpoint. SIGUSR1 and SIGUSR2 write a checkpoint and continue; in a job of
SLURM one is also written a minute before its time limit.";

/// Train a GAN on MNIST or on your own images.
///
/// A generator turns random latent vectors into images, and a discriminator classifies images as
/// real or generated; each is trained against the other. An epoch is one training step: one
/// update of each network with one batch, not a pass over the data set.
///
/// Each run gets a directory (runs/0001-mnist-dense, ...) for its settings, its losses, a preview
/// of ten samples every --sample-every epochs, and the checkpoint that gan-sample generates
/// samples from. Ctrl-C saves a checkpoint and exits; --resume continues with exactly the result
/// of an uninterrupted training.
#[derive(Parser, Debug)]
#[command(
    name = "gan-train",
    after_help = format!("{EXAMPLES}\n\n{AFTER}\n\n{CODES}"),
    allow_negative_numbers = true
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct TrainArgs {
    #[command(flatten)]
    pub settings: Settings,

    // The other flags are neither recorded with a run nor allowed in a configuration file.
    /// Continue this run, or this checkpoint in its run, exactly: same images, same settings, same
    /// device unless --device names another; --epochs is the new total
    #[arg(long, value_name = "CKPT|DIR")]
    pub resume: Option<PathBuf>,

    /// Fine-tune: begin a new run with the networks of this checkpoint, on other images and with other
    /// settings; Adam starts without moments, at epoch 0; the moving average starts as the checkpoint's
    #[arg(long, value_name = "CKPT|DIR", conflicts_with = "resume")]
    pub init_from: Option<PathBuf>,

    /// Read settings from this file; flags override it
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    pub output: OutputArgs,

    /// Show a dashboard in the terminal: loss curves, samples, and keys to control the training
    #[arg(long)]
    pub watch: bool,

    /// Also write event files for TensorBoard, to the folder tensorboard of the run
    #[arg(long)]
    pub tensorboard: bool,

    /// Do not write report.html and training.gif to the run's directory at the end
    #[arg(long)]
    pub no_report: bool,

    /// Feature extractor for the evaluations: a file; or train, which trains one for the data set and
    /// saves it, as gan-eval does [default: the built-in one, or the saved one; with --resume, that of
    /// the run]
    #[arg(long, value_name = "FILE|train")]
    pub feature_extractor: Option<PathBuf>,

    /// Show the effective settings and, with --data, what is found there; train nothing, and exit
    #[arg(long)]
    pub dry_run: bool,

    /// With --dry-run: write a PNG of a hundred images as the networks will see them; an existing
    /// file is replaced
    #[arg(long, value_name = "FILE.png", requires = "dry_run")]
    pub preview: Option<PathBuf>,

    /// Stop after this epoch as Ctrl-C does, but with exit code 0; --epochs remains the total,
    /// which --resume continues to
    #[arg(long, value_name = "N")]
    pub stop_after: Option<u64>,

    #[command(flatten)]
    pub page: PageArgs,
}

/// What to train, with every setting known and in its range.
pub struct Options<'a> {
    pub model: ModelConfig,
    pub training: TrainingConfig,
    pub dataset: DatasetArgs,
    pub device: SelectedDevice,
    pub out: Option<PathBuf>,
    pub args: &'a TrainArgs,
    /// The checkpoint to continue from.
    pub resume: Option<Resume>,
    /// The checkpoint to take the nets from.
    pub init: Option<Checkpoint>,
    /// Whether the pixel mean is the data set's own, known once it is loaded.
    pub auto_pixel_mean: bool,
    /// Whether a flag or the file sets `--eval-every`.
    pub eval_every_is_set: bool,
}

impl<'a> Options<'a> {
    /// The options of a new training, or of a resumed one, whose settings must not change.
    pub fn new(args: &'a TrainArgs) -> Result<Self, Failure> {
        if let Some(path) = &args.preview {
            check_png("preview", path)?;
        }
        let resume = args.resume.as_deref().map(Resume::read).transpose()?;
        let done = resume.as_ref().map_or(0, |resume| resume.checkpoint.header().step);
        if let Some(last) = args.stop_after.filter(|last| *last <= done) {
            return Err(usage!(
                "--stop-after is {last}, but {done} epochs are done; expected more"
            ));
        }
        let init = args.init_from.as_deref().map(read_init).transpose()?;
        let file = args.config.as_deref().map(config_file::read).transpose()?;
        let set = merge(file.unwrap_or_default().set()?, args.settings.clone().set()?)?;
        let mut settings: Settings = serde_json::from_value(set.clone().into())?;
        let mut set = set;
        if init.is_none() {
            // The mean is known once the images are loaded.
            set.retain(|name, value| name != "pixel_mean" || value != "auto");
        }

        let eval_every_is_set = set.contains_key("eval_every");
        let mut auto_pixel_mean = settings.pixel_mean == Some(PixelMean::Auto);
        let (model, training) = match (&resume, &init) {
            (Some(resume), _) => {
                resume.check(&set)?;
                let header = resume.checkpoint.header();
                (header.model.clone(), replace(training_fields(&header.training)?, &set)?)
            }
            (None, Some(init)) => {
                let model = &init.header().model;
                check_init(init, &set)?;
                new_settings(&settings, &set, Some(model))?
            }
            (None, None) => {
                let new = new_settings(&settings, &set, None)?;
                auto_pixel_mean |= settings.pixel_mean.is_none() && new.0.pixel_mean != 0.0;
                new
            }
        };
        refuse_other_families(&model, &set)?;
        check(&model, &training)?;

        if settings.device.device.is_none() {
            settings.device.device = resume.as_ref().and_then(Resume::device);
        }
        let device = settings.device.select()?;
        let dataset = match &resume {
            None => settings.dataset,
            Some(resume) => resume.dataset(settings.dataset)?,
        };
        check_unicode(args, &dataset)?;
        let out = settings.out;
        Ok(Self {
            model,
            training,
            dataset,
            device,
            out,
            args,
            resume,
            init,
            auto_pixel_mean,
            eval_every_is_set,
        })
    }

    /// Sets the shape of the images of a named data set, before they are loaded.
    pub fn set_named_images(&mut self) -> Result<(), Failure> {
        let images = self.dataset.options();
        let image = &mut self.model.image;
        if let Some([width, height]) = images.size {
            (image.width, image.height) = (width, height);
        }
        image.channels = images.channels.unwrap_or(image.channels);
        check(&self.model, &self.training)
    }

    /// Sets what depends on the images, once they are loaded.
    pub fn set_images(&mut self, images: &Dataset) -> Result<(), Failure> {
        if let Some(resume) = &self.resume {
            if self.auto_pixel_mean {
                resume.check_pixel_mean(images)?;
            }
            self.check_classes("resume", resume.checkpoint.path(), images)?;
            return resume.check_images(&dataset_info(images, &self.model), images.shape());
        }
        let shape = images.shape();
        if let Some(init) = &self.init {
            let image = self.model.image;
            if image != shape {
                return Err(usage!(
                    "--init-from {} is for images of {image}, but those of the data set are of \
                     {shape}; expected the same, which you get with {}",
                    init.path().display(),
                    shape_flags(image)
                ));
            }
            return self.check_classes("init-from", init.path(), images);
        }
        self.model.image = shape;
        if let Some(conditional) = &mut self.model.conditional {
            conditional.classes = images.classes().ok_or_else(|| {
                usage!(
                    "--conditional needs the class of each image, and {} has no labels; give images \
                     with labels, or omit --conditional",
                    images.name()
                )
            })?;
        }
        if self.auto_pixel_mean {
            self.model.pixel_mean = images.pixel_mean();
        }
        check(&self.model, &self.training)
    }

    /// Checks that images have the classes of a checkpoint's networks, if these use any.
    fn check_classes(&self, flag: &str, path: &Path, images: &Dataset) -> Result<(), Failure> {
        let (found, expected) = (images.classes(), self.model.classes());
        if expected.is_none() || found == expected {
            return Ok(());
        }
        let count = |classes: Option<usize>| match classes {
            Some(classes) => format!("{classes} classes"),
            None => "no labels".into(),
        };
        Err(usage!(
            "--{flag} {} has {}, but the data set has {}; expected the same",
            path.display(),
            count(expected),
            count(found)
        ))
    }

    /// What `config.json` records.
    pub fn record(&self, data: &Data) -> RunConfig {
        RunConfig {
            version: env!("CARGO_PKG_VERSION").into(),
            model: self.model.clone(),
            training: self.training.clone(),
            dataset: dataset_info(&data.train, &self.model),
            // A run may be resumed from another working directory.
            data_dir: data.dir.as_deref().map(absolute),
            data: data.path.as_deref().map(absolute),
            images: self.dataset.options(),
            held_out: data.held_out,
            feature_extractor: self.feature_extractor(),
            extractor_digest: self.extractor_digest(),
            init_from: self.init_from(),
            device: self.device.name.clone(),
        }
    }

    /// The extractor's file, as far as it is known before one is chosen: that of a flag, or a resumed
    /// run's own record of it.
    fn feature_extractor(&self) -> Option<PathBuf> {
        let named = self.args.feature_extractor.as_deref();
        if let Some(file) = named.filter(|named| !extractor::is_training(named)) {
            return Some(absolute(file));
        }
        self.recorded()?.feature_extractor.clone()
    }

    /// The digest of the extractor of a run that continues in its directory, if it is recorded.
    fn extractor_digest(&self) -> Option<String> {
        self.continued()?.recorded.as_ref()?.extractor_digest.clone()
    }

    /// The same, if that extractor has measured samples: others cannot be compared with them.
    pub fn measured_by(&self) -> Option<String> {
        let metrics = RunPaths::new(&self.continued()?.root).metrics();
        let rows = Tail::new(metrics).read().ok()?;
        rows.iter().any(|row| row.quality.is_some()).then(|| self.extractor_digest())?
    }

    /// What a resumed run records.
    fn recorded(&self) -> Option<&RunConfig> {
        self.resume.as_ref()?.recorded.as_ref()
    }

    /// What the nets began with; a resumed run's own record of it.
    fn init_from(&self) -> Option<InitFrom> {
        if self.resume.is_some() {
            return self.recorded()?.init_from.clone();
        }
        let init = self.init.as_ref()?;
        let Header { step, dataset, .. } = init.header();
        let dataset = dataset.name.clone();
        Some(InitFrom { path: absolute(init.path()), epoch: *step, dataset })
    }

    /// The checkpoint, if the training continues in its directory.
    pub fn continued(&self) -> Option<&Resume> {
        let here =
            |resume: &&Resume| self.out.as_deref().is_none_or(|out| same_path(&resume.root, out));
        self.resume.as_ref().filter(here)
    }

    /// Checks the directory of the run before anything is downloaded.
    pub fn check_out(&self) -> Result<(), Failure> {
        match (self.continued(), &self.out) {
            (Some(resume), _) => Ok(RunDir::check_unused(&resume.root)?),
            (None, Some(out)) => Ok(RunDir::check_free(out)?),
            (None, None) => Ok(()),
        }
    }

    /// Opens the directory of the run, which locks it: the checkpoint's own, the one of `--out`,
    /// or the next number.
    pub fn open_run(&self, dataset: &str) -> Result<RunDir, Failure> {
        match (self.continued(), &self.out) {
            (Some(resume), None) if !RunDir::is_run(&resume.root) => Err(usage!(
                "{} is not in the directory of a run; choose a directory with --out DIR",
                resume.checkpoint.path().display()
            )),
            (Some(resume), _) => resume.reopen(),
            (None, Some(out)) => Ok(RunDir::create(out)?),
            (None, None) => {
                let name = format!("{dataset}-{}", self.model.family.name());
                Ok(RunDir::create_next(Path::new("runs"), &name)?)
            }
        }
    }
}

/// Checks that `config.json` can record the paths, which it does as text and from the root.
fn check_unicode(args: &TrainArgs, dataset: &DatasetArgs) -> Result<(), Failure> {
    let folder = dataset.folder();
    let files = dataset.data.is_none() && dataset.dataset != Some(DatasetName::Synthetic);
    let paths = [
        ("init-from", args.init_from.as_deref()),
        ("feature-extractor", args.feature_extractor.as_deref()),
        ("data", dataset.data.as_deref()),
        ("data-dir", files.then_some(&*folder)),
    ];
    for (flag, path) in paths {
        if let Some(path) = path.map(absolute).filter(|path| path.to_str().is_none()) {
            return Err(usage!(
                "--{flag}: {} is not Unicode, and config.json records it as text; expected another \
                 name, or another working directory",
                path.display()
            ));
        }
    }
    Ok(())
}

/// Reads the checkpoint of `--init-from`.
fn read_init(path: &Path) -> Result<Checkpoint, Failure> {
    Ok(Checkpoint::read(&checkpoint_path(path))?)
}
