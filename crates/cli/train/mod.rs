//! `gan-train`, from flags to exit code.

mod args;
// Public for those who feed it what no user would write.
#[doc(hidden)]
pub mod config_file;
mod dashboard;
mod data;
mod look_back;
mod options;
mod progress;
pub(crate) mod resume;
mod signals;
mod table;
mod tensorboard;

use std::path::Path;
use std::time::Instant;

use clap::{CommandFactory, Parser};
use gan_dashboard::Dashboard;
use gan_data::{Dataset, SIDE};
use gan_model::DatasetInfo;
use gan_model::checkpoint::{Checkpoint, Header};
use gan_run::{EndReason, RunOutcome};
use gan_serve::{Limits, Listener, Runs, Server};
use gan_train::{
    Control, Evaluator, Outcome, RunConfig, RunDir, TrainError, Trainer, dataset_info, train,
};
use serde_json::json;

use self::args::TrainArgs;
pub(crate) use self::data::{Data, NAMES as DATASETS, get as get_data};
pub(crate) use self::options::DataOptions;
use self::options::Options;
pub(crate) use self::options::{choose_device, use_threads};
use self::progress::Progress;
use self::resume::Resume;
use self::signals::Asked;
use self::tensorboard::Events;
use crate::eval::ruler;
use crate::exit::Failure;
use crate::{say, watch};

/// # Errors
/// How the program ends when it does not succeed.
pub fn main() -> Result<(), Failure> {
    let args = TrainArgs::parse();
    if args.shell.print(TrainArgs::command())? {
        return Ok(());
    }
    let resume = args.resume.as_deref().map(Resume::read).transpose()?;
    let options = Options::new(args, resume.as_ref())?;
    if options.dry_run {
        return dry_run(&options, resume.as_ref());
    }

    if let Some(out) = &options.out
        && !resume.as_ref().is_some_and(|resume| same_path(&resume.root, out))
    {
        // Known before anything is downloaded.
        RunDir::check_free(out)?;
    }
    // So is an address that is taken.
    let listener = options.page.serve.is_some().then(|| watch::open(&options.page)).transpose()?;
    let mut data = data::get(&options.data, options.quiet)?;
    let info = dataset_info(&data.train);
    let mut trainer = match &resume {
        None => {
            Trainer::new(options.model.clone(), options.training.clone(), &options.device.device)
        }
        Some(resume) => {
            same_images(resume, &info)?;
            Trainer::resume(&resume.checkpoint, &options.device.device)?
        }
    };
    trainer.reschedule(&options.training);
    if let Some(last) = options.stop_after.filter(|last| *last <= trainer.epoch()) {
        return Err(Failure::Usage(format!(
            "--stop-after is {last}, and {} epochs are done; expected more",
            trainer.epoch()
        )));
    }

    let judge = judge(&options, &mut data)?;
    let run = open_run(&options, resume.as_ref(), &info)?;
    let config = record(&options, &data, &info);
    run.write_config(&config)?;
    if !options.quiet {
        let table = table::settings(&config.model, &config.training, Some(&info), &config.device);
        let version = env!("CARGO_PKG_VERSION");
        say::note(format!(
            "gan-train {version}\n{table}\n  run           {}",
            run.root().display()
        ));
    }
    let _server = listener.map(|listener| serve(listener, &run, options.quiet)).transpose()?;
    if let Some(resume) = &resume
        && options.training.epochs != resume.checkpoint.header().training.epochs
        && options.training.depends_on_total()
    {
        say::note(
            "note: --epochs is another total now; --schedule and --instance-noise follow it from \
             here on, so this is not what the new total gives at once",
        );
    }
    finish(&options, &mut trainer, &data.train, &run, judge.as_ref(), &config)
}

/// Who measures the pictures on the way, if that was asked for and there is a ruler.
fn judge(options: &Options, data: &mut Data) -> Result<Option<Evaluator>, Failure> {
    let Options { training, device, quiet, .. } = options;
    if training.eval_every == 0 || training.eval_every > training.epochs {
        return Ok(None);
    }
    let ruler = ruler::usual(&data.train, data.dir.as_deref(), &device.device)?;
    let Some(ruler) = ruler else {
        if !quiet {
            say::note(format!(
                "the pictures are not measured: there is no ruler for {}; make one with: \
                 gan-eval --ruler train --dataset {}",
                data.train.name(),
                ruler::again(data)
            ));
        }
        return Ok(None);
    };
    Ok(Some(Evaluator::new(ruler, data.test()?)))
}

/// Serves a page on which the run, and those beside it, can be watched while it trains.
fn serve(listener: Listener, run: &RunDir, quiet: bool) -> Result<Server, Failure> {
    if !quiet {
        say::note(format!("  page          {}", watch::address(&listener)));
    }
    Ok(listener.serve(Runs::with_siblings(run.root()), Limits::default())?)
}

/// Trains, and tells how it went.
fn finish(
    options: &Options,
    trainer: &mut Trainer,
    dataset: &Dataset,
    run: &RunDir,
    judge: Option<&Evaluator>,
    config: &RunConfig,
) -> Result<(), Failure> {
    let asked = Asked::listen()?;
    let begin = Instant::now();
    let (epoch, total) = (trainer.epoch(), config.training.epochs);
    let mut events = Events::begin(options.tensorboard, run, epoch)?;
    let dashboard = || dashboard::open(run, epoch, total, &asked, options.quiet);
    let dashboard = options.watch.then(dashboard).flatten();
    let mut progress = Progress::new(run, epoch, total, options.quiet);
    if dashboard.is_some() {
        progress.wait();
    }
    let device = &options.device.device;
    let last = options.stop_after.unwrap_or(u64::MAX);
    let ask = |epoch| {
        let keys = dashboard.as_ref().map_or(Control::Continue, Dashboard::control);
        if asked.signal().is_some() || epoch >= last { Control::Stop } else { keys }
    };
    let observe = |event| {
        if let Some(dashboard) = &dashboard {
            dashboard.observe(&event);
        }
        if let Some(warning) = events.observe(&event) {
            progress.warn(&warning);
        }
        progress.observe(event);
    };
    let outcome = train(trainer, dataset, run, judge, device, ask, observe);
    drop(dashboard);
    progress.finish();

    let (how, epochs) = match &outcome {
        Ok(Outcome::Finished) => (Some(EndReason::Finished), trainer.epoch()),
        Ok(Outcome::Stopped) => (Some(EndReason::Stopped), trainer.epoch()),
        Err(TrainError::Diverged { epoch, .. } | TrainError::WeightsDiverged(epoch)) => {
            (Some(EndReason::Diverged), *epoch)
        }
        Err(_) => (None, trainer.epoch()),
    };
    let word = how.map_or("failed", EndReason::as_str);
    let seconds = begin.elapsed().as_secs_f64();
    if let Some(reason) = how
        && let Err(error) = run.write_outcome(&RunOutcome { reason, epochs, seconds })
    {
        // What was trained is safe.
        say::note(format!("warning: {error}"));
    }
    let best = Checkpoint::open(&run.best()).ok();
    if !options.quiet {
        say_end(run, word, epochs, seconds, best.as_ref());
    }
    let kept = how.filter(|_| options.report).map(|_| look_back::leave(run, options.quiet));
    let [report, animation] = kept.unwrap_or_default();
    let mut told = Ok(());
    if options.json {
        let (row, quality) = (progress.latest, progress.quality);
        told = say::json(&json!({
            "outcome": word,
            "epochs": epochs,
            "seconds": seconds,
            "run": run.root(),
            "checkpoint": run.checkpoint(),
            "config": run.config(),
            "metrics": run.metrics(),
            "samples": run.samples(),
            "reals": run.reals(),
            "report": report,
            "animation": animation,
            "best": best.as_ref().map(Checkpoint::path),
            "best_epoch": best.as_ref().map(|best| best.header().step),
            "findings": progress.findings,
            "quality": quality.map(|(epoch, quality)| json!({ "epoch": epoch, "of": quality })),
            "dataset": config.dataset,
            "device": config.device,
            "losses": row.map(|row| json!({
                "epoch": row.epoch,
                "discriminator": row.d_loss,
                "generator": row.g_loss,
                "d_real": row.d_real,
                "d_fake": row.d_fake,
            })),
        }));
    }
    match outcome {
        Ok(Outcome::Finished) => Ok(told?),
        // How the training ended weighs more than who listens.
        Ok(Outcome::Stopped) => match asked.signal() {
            Some(signal) => Err(Failure::Interrupted(signal)),
            None => Ok(told?),
        },
        Err(error @ (TrainError::Diverged { .. } | TrainError::WeightsDiverged(_))) => {
            Err(Failure::Diverged(error.into()))
        }
        Err(error) => Err(error.into()),
    }
}

/// How it ended, and how to go on.
fn say_end(run: &RunDir, word: &str, epochs: u64, seconds: f64, best: Option<&Checkpoint>) {
    let root = run.root().display();
    let hint = match word {
        "finished" => format!("; draw more with: gan-sample --checkpoint {root}"),
        "stopped" => format!("; go on with: gan-train --resume {root}"),
        _ if run.checkpoint().exists() => {
            format!("; the last good checkpoint is {}", run.checkpoint().display())
        }
        _ => String::new(),
    };
    say::note(format!("{word} after {epochs} epochs, {}{hint}", say::duration(seconds)));
    if let Some(best) = best.filter(|best| best.header().step != epochs) {
        let (step, path) = (best.header().step, best.path().display());
        say::note(format!("the digits were measured to be best after {step} epochs: {path}"));
    }
}

fn same_images(resume: &Resume, found: &DatasetInfo) -> Result<(), Failure> {
    let Header { model, dataset: expected, .. } = resume.checkpoint.header();
    if [model.width, model.height] != [SIDE; 2] {
        return Err(Failure::Usage(format!(
            "the checkpoint's nets are for images of {}x{}; expected 28x28",
            model.width, model.height
        )));
    }
    if expected == found {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "the checkpoint learnt from {} ({} images, sha256 {}), but {} ({} images, sha256 {}) was \
         found; give the folder of the same images with --data-dir",
        expected.name, expected.images, expected.digest, found.name, found.images, found.digest
    )))
}

/// The directory to write to: the checkpoint's own, the one that was named, or the next number.
fn open_run(
    options: &Options,
    resume: Option<&Resume>,
    info: &DatasetInfo,
) -> Result<RunDir, Failure> {
    let run = match (resume, &options.out) {
        (Some(resume), None) if resume.in_run => reopen(resume)?,
        (Some(resume), Some(out)) if same_path(&resume.root, out) => reopen(resume)?,
        (Some(resume), None) => {
            return Err(Failure::Usage(format!(
                "{} does not lie in a run's directory; say where to go on with --out DIR",
                resume.checkpoint.path().display()
            )));
        }
        (_, Some(out)) => RunDir::create(out)?,
        (None, None) => RunDir::create_next(Path::new("runs"), &format!("{}-dense", info.name))?,
    };
    Ok(run)
}

/// The directory of the checkpoint that was read, if it still is that one: another training may
/// have held the directory until now.
fn reopen(resume: &Resume) -> Result<RunDir, Failure> {
    let run = RunDir::open(&resume.root)?;
    let path = resume.checkpoint.path();
    let step = resume.checkpoint.header().step;
    if !same_path(path, &run.checkpoint())
        && let Ok(latest) = Checkpoint::open(&run.checkpoint())
        && let done = latest.header().step
        && done > step
    {
        // Going on in its directory would drop what came after it.
        return Err(Failure::Usage(format!(
            "{} is of epoch {step}, but its run has done {done}; say where to go on from it with \
             --out DIR, or go on with the run: --resume {}",
            path.display(),
            resume.root.display()
        )));
    }
    if Checkpoint::open(path)?.header() == resume.checkpoint.header() {
        return Ok(run);
    }
    Err(Failure::Failed(anyhow::anyhow!(
        "another gan-train has just gone on with {}; call this one again to go on from there",
        path.display()
    )))
}

fn same_path(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

fn record(options: &Options, data: &Data, info: &DatasetInfo) -> RunConfig {
    RunConfig {
        version: env!("CARGO_PKG_VERSION").into(),
        model: options.model.clone(),
        training: options.training.clone(),
        dataset: info.clone(),
        // A run may be resumed from another directory.
        data_dir: data.dir.as_ref().map(|dir| std::path::absolute(dir).unwrap_or(dir.clone())),
        device: options.device.name.clone(),
    }
}

fn dry_run(options: &Options, resume: Option<&Resume>) -> Result<(), Failure> {
    let known = resume.map(|resume| &resume.checkpoint.header().dataset);
    let device = &options.device.name;
    if !options.quiet {
        say::note(table::settings(&options.model, &options.training, known, device));
    }
    if options.json {
        say::json(&json!({
            "model": options.model,
            "training": options.training,
            "dataset": options.data.dataset,
            "data_dir": data::folder(&options.data),
            "device": device,
        }))?;
    }
    Ok(())
}
