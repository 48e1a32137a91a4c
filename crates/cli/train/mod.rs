//! `gan-train`: trains a GAN.

// Public for fuzzing and tests.
#[doc(hidden)]
pub mod config_file;
mod effective;
mod fields;
mod options;
mod outcome;
mod progress;
mod resume;
mod session;
mod settings;

use std::path::Path;

use anyhow::anyhow;
use gan_core::memory;
use gan_core::stream::{Purpose, stream};
use gan_data::Dataset;
use gan_eval::random_subset;
use gan_sample::{Grid, write_png};
use gan_serve::{Limits, Runs};
use gan_train::{Evaluator, RunConfig, RunDir, Trainer, dataset_info, memory_needed};
use serde_json::json;
use std::collections::BTreeMap as Map;

pub(crate) use self::effective::{differing_images, differing_setting, resolve_settings};
use self::options::Options;
pub(crate) use self::options::TrainArgs;
use self::session::SaveRequests;
use crate::common::extractor::Chosen;
use crate::common::slurm::Job;
use crate::common::{Data, Failure, OutputArgs, absolute, data, extractor, output, page_url};

/// Images in the picture of `--preview`.
const PREVIEW: usize = 100;

/// # Errors
/// Any exit other than success.
pub fn main(args: &TrainArgs) -> Result<(), Failure> {
    let mut options = Options::new(args)?;
    if options.args.dry_run {
        return dry_run(&mut options);
    }

    let job = Job::detect();
    let requests = SaveRequests::listen(job.as_ref())?;
    // What can fail at once fails before anything is downloaded.
    options.check_out()?;
    let page = &options.args.page;
    let listener = page.serve.is_some().then(|| page.listen()).transpose()?;

    let quiet = options.args.output.quiet;
    let data = data::load(&options.dataset, quiet)?;
    options.set_images(&data.train)?;
    let mut config = options.record(&data);
    let mut trainer = trainer(&options)?;
    let evaluator = evaluator(&options, &mut config, &data)?;

    let run = options.open_run(&config.dataset.name)?;
    run.write_config(&config)?;
    if !quiet {
        print_settings(&config, &data, &run);
        if let Some(job) = &job {
            output::log(format!("  job           {}", job.describe()));
        }
        if let Some(listener) = &listener {
            output::log(format!("  page          {}", page_url(listener)));
        }
    }
    let runs = Runs::with_siblings(run.root());
    let _server = listener.map(|listener| listener.serve(runs, Limits::default())).transpose()?;
    warn_of_new_total(&options);

    let images = &data.train;
    let ended =
        session::train(&options, &mut trainer, images, &run, evaluator.as_ref(), &requests)?;
    outcome::report(ended, &options, &run, &config)
}

/// Shows the effective settings, and the images if a flag asks for them; then MNIST is downloaded
/// if it is missing.
fn dry_run(options: &mut Options) -> Result<(), Failure> {
    let OutputArgs { quiet, json } = options.args.output;
    let wanted = options.dataset.data.is_some() || options.args.preview.is_some();
    let data = wanted.then(|| data::load(&options.dataset, quiet)).transpose()?;
    let mut known =
        options.resume.as_ref().map(|resume| resume.checkpoint.header().dataset.clone());
    if data.is_none() && options.resume.is_none() && options.init.is_none() {
        options.set_named_images()?;
    }
    if let Some(data) = &data {
        options.set_images(&data.train)?;
        known = Some(dataset_info(&data.train, &options.model));
        if let Some(path) = &options.args.preview {
            write_preview(path, &data.train)?;
        }
    }
    let Options { model, training, dataset, device, .. } = &options;
    let found = data.as_ref().map_or(&[][..], |data| &data.found);
    if !quiet {
        if !found.is_empty()
            && let Some(data) = &data
        {
            output::log(data.table());
        }
        // That of a resumed training is known.
        let auto_mean = options.auto_pixel_mean && data.is_none() && options.resume.is_none();
        output::log(fields::table(model, training, known.as_ref(), &device.name, auto_mean));
    }
    if json {
        let (notes, rows): (Vec<_>, Vec<_>) = found.iter().partition(|(name, _)| *name == "note");
        let mut rows: Map<_, _> = rows.iter().map(|(name, text)| (*name, json!(text))).collect();
        rows.insert("notes", notes.iter().map(|(_, text)| text.as_str()).collect());
        let named = dataset.data.is_none();
        output::print_json(&json!({
            "model": model,
            "training": training,
            "dataset": named.then(|| dataset.dataset.unwrap_or_default()),
            "data_dir": named.then(|| dataset.folder().to_string_lossy().into_owned()),
            "data": dataset.data.as_deref().map(Path::to_string_lossy),
            "found": rows,
            "device": device.name,
        }))?;
    }
    Ok(())
}

/// Writes a random choice of images.
fn write_preview(path: &Path, images: &Dataset) -> Result<(), Failure> {
    let mut rng = stream(0, Purpose::Subset, 3);
    let shape = images.shape();
    let pixels = random_subset(images.images(), shape.len(), PREVIEW, &mut rng);
    let image = Grid { columns: 10, scale: 1 }.draw(&pixels, shape)?;
    write_png(path, &image)
        .map_err(|error| anyhow!("cannot write --preview {}: {error}", path.display()))?;
    Ok(())
}

/// A new trainer, or one with the state of the checkpoint.
fn trainer(options: &Options) -> Result<Trainer, Failure> {
    let device = &options.device.device;
    memory::check(memory_needed(&options.model, &options.training))
        .map_err(|error| anyhow!("cannot train these nets: {error}"))?;
    let (model, training) = (options.model.clone(), options.training.clone());
    let mut trainer = match (&options.resume, &options.init) {
        (None, None) => Trainer::new(model, training, device),
        (None, Some(init)) => Trainer::init_from(init, training, device)?,
        (Some(resume), _) => Trainer::resume(&resume.checkpoint, device)?,
    };
    trainer.reschedule(&options.training);
    Ok(trainer)
}

/// The evaluator of the samples, unless evaluation is off or the data set has no extractor; records
/// the extractor's file and digest.
fn evaluator(
    options: &Options,
    config: &mut RunConfig,
    data: &Data,
) -> Result<Option<Evaluator>, Failure> {
    let Options { training, device, .. } = options;
    if training.eval_every == 0 || training.eval_every > training.epochs {
        return Ok(None);
    }
    let quiet = options.args.output.quiet;
    let flag = options.args.feature_extractor.as_deref();
    let recorded = config.feature_extractor.as_deref();
    if let Some(missing) = recorded.filter(|path| flag.is_none() && !path.exists()) {
        return Err(Failure::Failed(anyhow!(
            "the feature extractor of this run, {}, is missing; give its path with \
             --feature-extractor FILE, train it with --feature-extractor train, or continue without \
             evaluation: --eval-every 0",
            missing.display()
        )));
    }
    let measured = options.measured_by();
    // Training it anew would replace the file that these samples were measured by.
    let trained_before = |flag: &&Path| {
        measured.is_some() && extractor::is_training(flag) && recorded.is_some_and(Path::exists)
    };
    let named = flag.filter(|flag| !trained_before(flag)).or(recorded);
    if let Some(why) = extractor::unsupported(data).filter(|_| named.is_none()) {
        output::log(format!("samples are not evaluated: {why}"));
        return Ok(None);
    }
    let found = match named {
        Some(_) => Some(extractor::choose(named, data, &device.device, quiet)?),
        None => extractor::find(data, &device.device)?,
    };
    let Some(Chosen { extractor, file }) = found else {
        if !quiet || options.eval_every_is_set {
            output::log(format!(
                "samples are not evaluated: {}; or add --feature-extractor train here",
                extractor::none_for(data)
            ));
        }
        return Ok(None);
    };
    if measured.is_some_and(|digest| digest != extractor.digest()) {
        return Err(Failure::Failed(anyhow!(
            "the samples of this run were measured by another feature extractor than {}, so distances \
             cannot be compared; give that extractor's file with --feature-extractor, or continue in \
             another directory, --out DIR, or without evaluation, --eval-every 0",
            file.as_deref().map_or("the built-in one".into(), |file| file.display().to_string())
        )));
    }
    config.extractor_digest = Some(extractor.digest().into());
    // A run may be resumed from another working directory.
    config.feature_extractor = file.as_deref().map(absolute);
    Ok(Some(Evaluator::new(extractor, (data.test)()?)))
}

fn print_settings(config: &RunConfig, data: &Data, run: &RunDir) {
    let RunConfig { model, training, dataset, device, version, .. } = config;
    let table = fields::table(model, training, Some(dataset), device, false);
    let root = run.root().display();
    let found = if data.found.is_empty() { String::new() } else { data.table() + "\n" };
    let init = config.init_from.as_ref().map_or(String::new(), |init| {
        let (path, epoch, dataset) = (init.path.display(), init.epoch, &init.dataset);
        format!("\n  fine-tuned    from {path}, epoch {epoch}, trained on {dataset}")
    });
    output::log(format!("gan-train {version}\n{found}{table}{init}\n  run           {root}"));
}

fn warn_of_new_total(options: &Options) {
    if let Some(resume) = &options.resume
        && options.training.epochs != resume.checkpoint.header().training.epochs
        && options.training.depends_on_total()
    {
        output::log(
            "note: --epochs has changed, and --schedule and --instance-noise depend on it: the \
             result differs from a training with this total from the start",
        );
    }
}
