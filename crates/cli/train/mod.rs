//! `gan-train`: trains a GAN.

// Public for fuzzing and tests.
#[doc(hidden)]
pub mod config_file;
mod fields;
mod options;
mod outcome;
mod progress;
mod resume;
mod session;
mod settings;

use anyhow::anyhow;
use gan_core::{ImageShape, memory};
use gan_serve::{Limits, Runs};
use gan_train::{Evaluator, RunConfig, RunDir, Trainer, memory_needed};
use serde_json::json;

use self::options::Options;
pub(crate) use self::options::TrainArgs;
use crate::common::{Data, Failure, data, extractor, output, page_url, usage};

/// # Errors
/// Any exit other than success.
pub fn main(args: &TrainArgs) -> Result<(), Failure> {
    let mut options = Options::new(args)?;
    if options.args.dry_run {
        return dry_run(&options);
    }

    // What can fail at once fails before anything is downloaded.
    options.check_out()?;
    let page = &options.args.page;
    let listener = page.serve.is_some().then(|| page.listen()).transpose()?;

    let quiet = options.args.output.quiet;
    let data = data::load(&options.dataset, quiet)?;
    let shape = data.train.shape();
    if options.resume.is_none() {
        options.set_image(shape)?;
    }
    let config = options.record(&data);
    let mut trainer = trainer(&options, &config, shape)?;
    let evaluator = evaluator(&options, &data)?;

    let run = options.open_run(&config.dataset.name)?;
    run.write_config(&config)?;
    if !quiet {
        print_settings(&config, &run);
        if let Some(listener) = &listener {
            output::log(format!("  page          {}", page_url(listener)));
        }
    }
    let runs = Runs::with_siblings(run.root());
    let _server = listener.map(|listener| listener.serve(runs, Limits::default())).transpose()?;
    warn_of_new_total(&options);

    let ended = session::train(&options, &mut trainer, &data.train, &run, evaluator.as_ref())?;
    outcome::report(ended, &options, &run, &config)
}

/// Shows the effective settings.
fn dry_run(options: &Options) -> Result<(), Failure> {
    let Options { model, training, dataset, device, .. } = options;
    let known = options.resume.as_ref().map(|resume| &resume.checkpoint.header().dataset);
    if !options.args.output.quiet {
        output::log(fields::table(model, training, known, &device.name));
    }
    if options.args.output.json {
        output::print_json(&json!({
            "model": model,
            "training": training,
            "dataset": dataset.dataset.unwrap_or_default(),
            "data_dir": dataset.folder(),
            "device": device.name,
        }))?;
    }
    Ok(())
}

/// A new trainer, or one with the state of the checkpoint.
fn trainer(options: &Options, config: &RunConfig, shape: ImageShape) -> Result<Trainer, Failure> {
    let device = &options.device.device;
    memory::check(memory_needed(&options.model, &options.training))
        .map_err(|error| anyhow!("cannot train these nets: {error}"))?;
    let mut trainer = match &options.resume {
        None => Trainer::new(options.model.clone(), options.training.clone(), device),
        Some(resume) => {
            resume.check_images(&config.dataset, shape)?;
            Trainer::resume(&resume.checkpoint, device)?
        }
    };
    trainer.reschedule(&options.training);
    match options.args.stop_after.filter(|last| *last <= trainer.epoch()) {
        Some(last) => Err(usage!(
            "--stop-after is {last}, but {} epochs are done; expected more",
            trainer.epoch()
        )),
        None => Ok(trainer),
    }
}

/// The evaluator of the samples, unless evaluation is off or the data set has no extractor.
fn evaluator(options: &Options, data: &Data) -> Result<Option<Evaluator>, Failure> {
    let Options { training, device, .. } = options;
    if training.eval_every == 0 || training.eval_every > training.epochs {
        return Ok(None);
    }
    let Some(extractor) = extractor::find(data, &device.device)? else {
        if !options.args.output.quiet {
            output::log(format!("samples are not evaluated: {}", extractor::none_for(data)));
        }
        return Ok(None);
    };
    Ok(Some(Evaluator::new(extractor, (data.test)()?)))
}

fn print_settings(config: &RunConfig, run: &RunDir) {
    let RunConfig { model, training, dataset, device, version, .. } = config;
    let table = fields::table(model, training, Some(dataset), device);
    let root = run.root().display();
    output::log(format!("gan-train {version}\n{table}\n  run           {root}"));
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
