//! The runs as they were last read, and the JSON that is served of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gan_run::{MetricsRow, Record, RunDir, RunPaths, RunState, Tail, Warning};
use serde::Serialize;
use serde_json::{Value, json};

use crate::downsample::downsample;
use crate::runs::Runs;

/// The largest number of rows in a response: more than the pixels of a chart.
const MAX_ROWS: usize = 2_000;
/// The least time between two searches for runs.
const SCAN_INTERVAL: Duration = Duration::from_secs(1);
/// The largest image that is sent: a row of ten samples of MNIST takes some kilobytes, a grid of two
/// hundred 256x256 RGB images up to 39 MB.
pub(crate) const MAX_IMAGE: u64 = 64 << 20;

/// All runs in the order they were found; the index of a run never changes.
pub(crate) struct RunCache {
    runs: Runs,
    cached: Vec<CachedRun>,
    last_scan: Option<Instant>,
    pub(crate) clients: usize,
}

/// An image of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Picture {
    /// The preview of an epoch.
    Sample(u64),
    /// Real images.
    Reals,
    /// The latest samples of each class.
    Classes,
}

/// A run, with its rows once they were requested.
struct CachedRun {
    record: Record,
    overview: Overview,
    tail: Tail,
    /// How often rows were replaced rather than appended.
    rewrites: u64,
}

/// What is listed of every run, whose rows are not kept for it.
struct Overview {
    tail: Tail,
    epochs: u64,
    /// Epochs and Fréchet distances.
    frechet: Vec<(u64, f64)>,
}

/// What was sent to a client about a run.
#[derive(Default)]
pub(crate) struct ClientState {
    id: usize,
    info: Option<String>,
    rewrites: u64,
    rows: Option<usize>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the JSON")]
struct Rows {
    id: usize,
    /// The epoch of the row before the first of these, or 0.
    from: u64,
    rows: Vec<MetricsRow>,
    /// The number of rows of the run.
    of: usize,
}

impl RunCache {
    pub(crate) fn new(runs: Runs) -> Self {
        Self { runs, cached: Vec::new(), last_scan: None, clients: 0 }
    }

    /// A summary of every run, the messages of the warnings, and the run to show first.
    pub(crate) fn list(&mut self) -> Value {
        self.scan();
        let summary = |(id, run): (usize, &mut CachedRun)| {
            run.overview.read(&run.record.paths);
            json!({
                "id": id,
                "name": run.record.name(),
                "state": run.state(),
                "total": run.record.total_epochs(),
                "epochs": run.overview.epochs,
                "frechet": run.overview.frechet,
            })
        };
        let runs: Vec<Value> = self.cached.iter_mut().enumerate().map(summary).collect();
        let messages = Warning::ALL.map(|warning| {
            let name = json!(warning).as_str().unwrap_or_default().to_owned();
            (name, json!(warning.message()))
        });
        let focus = self.runs.focus.as_deref();
        let focus = focus.and_then(|root| self.cached.iter().position(|run| run.root() == root));
        json!({
            "runs": runs,
            "words": Value::Object(messages.into_iter().collect()),
            "focus": focus,
        })
    }

    /// A run without its rows, as JSON.
    pub(crate) fn run(&mut self, id: usize) -> Option<String> {
        self.scan();
        Some(self.cached.get_mut(id)?.info(id))
    }

    /// The rows of a run after an epoch, as JSON.
    pub(crate) fn rows(&mut self, id: usize, after: u64) -> Option<String> {
        self.scan();
        let run = self.cached.get_mut(id)?;
        run.read_rows();
        let rows = &run.record.rows;
        Some(to_json(&Rows::new(id, rows, rows.partition_point(|row| row.epoch <= after))))
    }

    /// The file of an image; never outside the run's directory, whatever links it contains.
    pub(crate) fn image(&mut self, id: usize, which: Picture) -> Option<PathBuf> {
        self.scan();
        let paths = &self.cached.get(id)?.record.paths;
        let path = match which {
            Picture::Sample(epoch) => paths.sample(epoch),
            Picture::Reals => paths.reals(),
            Picture::Classes => paths.classes(),
        };
        resolve_inside(paths.root(), &path)
    }

    /// What has changed since the last call for this client, as names and data of events.
    pub(crate) fn updates(&mut self, client: &mut ClientState) -> Vec<(&'static str, String)> {
        let id = client.id;
        let Some(run) = self.cached.get_mut(id) else { return Vec::new() };
        run.read_rows();
        let mut events = Vec::new();
        let info = run.info(id);
        if client.info.as_ref() != Some(&info) {
            events.push(("run", info.clone()));
            client.info = Some(info);
        }
        let rows = &run.record.rows;
        let from = client.rows.unwrap_or(rows.len());
        if client.rows.is_some()
            && (client.rewrites != run.rewrites || rows.len() - from > MAX_ROWS)
        {
            events.push(("again", json!({ "id": id }).to_string()));
        } else if client.rows.is_none() || from < rows.len() {
            // The first event has no rows, only the epoch after which rows are sent.
            events.push(("rows", to_json(&Rows::new(id, rows, from))));
        }
        (client.rewrites, client.rows) = (run.rewrites, Some(rows.len()));
        events
    }

    /// Frees the rows of all runs.
    pub(crate) fn clear_rows(&mut self) {
        for run in &mut self.cached {
            *run = CachedRun::new(run.root().into(), run.record.config.take());
        }
    }

    /// Finds new runs, and reads the settings, which may differ after a resume.
    fn scan(&mut self) {
        if self.last_scan.is_some_and(|time| time.elapsed() < SCAN_INTERVAL) {
            return;
        }
        self.last_scan = Some(Instant::now());
        // Reading the folder may work at the next scan.
        for root in self.runs.find().unwrap_or_default() {
            // Other programs have a config.json too.
            let config = RunDir::read_config::<Value>(&root)
                .filter(|config| config.get("training").is_some_and(Value::is_object));
            let Some(config) = config else { continue };
            match self.cached.iter_mut().find(|run| run.root() == root) {
                Some(run) => run.record.config = config,
                None => self.cached.push(CachedRun::new(root, config)),
            }
        }
    }
}

impl ClientState {
    pub(crate) fn new(id: usize) -> Self {
        Self { id, ..Self::default() }
    }
}

impl CachedRun {
    fn new(root: PathBuf, config: Value) -> Self {
        let record = Record { paths: RunPaths::new(root), config, rows: Vec::new() };
        let tail = || Tail::new(record.paths.metrics());
        let overview = Overview { tail: tail(), epochs: 0, frechet: Vec::new() };
        Self { tail: tail(), overview, record, rewrites: 0 }
    }

    fn root(&self) -> &Path {
        self.record.paths.root()
    }

    /// Reads new rows. On an error the next call tries again.
    fn read_rows(&mut self) {
        let new = self.tail.read().unwrap_or_default();
        let kept = match new.first() {
            Some(first) => self.record.rows.partition_point(|row| row.epoch < first.epoch),
            None if was_emptied(&self.record.paths) => 0,
            None => return,
        };
        if kept < self.record.rows.len() {
            self.record.rows.truncate(kept);
            self.rewrites += 1;
        }
        self.record.rows.extend(new);
    }

    fn state(&mut self) -> RunState {
        let state = self.record.state();
        if state != RunState::Killed || !self.record.rows.is_empty() {
            return state;
        }
        // Without an outcome.json the last row decides.
        self.read_rows();
        self.record.state()
    }

    fn info(&mut self, id: usize) -> String {
        let state = self.state();
        let Self { record, .. } = self;
        json!({
            "id": id,
            "name": record.name(),
            "state": state,
            "total": record.total_epochs(),
            "ending": record.outcome(),
            "settings": record.settings(),
            "image": record.image_shape(),
            "classes": record.config.pointer("/dataset/class_names"),
            "samples": record.samples().into_iter().map(|(epoch, _)| epoch).collect::<Vec<_>>(),
            "asked": record.asked_classes(),
            "reals": resolve_inside(record.paths.root(), &record.paths.reals()).is_some(),
        })
        .to_string()
    }
}

impl Overview {
    /// Reads new rows. On an error the next call tries again.
    fn read(&mut self, paths: &RunPaths) {
        let new = self.tail.read().unwrap_or_default();
        if new.is_empty() && was_emptied(paths) {
            self.epochs = 0;
            self.frechet.clear();
        }
        let Some((first, last)) = new.first().zip(new.last()) else { return };
        self.epochs = last.epoch;
        self.frechet.retain(|(epoch, _)| *epoch < first.epoch);
        let measured = |row: &MetricsRow| Some((row.epoch, row.quality.as_ref()?.frechet));
        self.frechet.extend(new.iter().filter_map(measured));
    }
}

impl Rows {
    fn new(id: usize, rows: &[MetricsRow], from: usize) -> Self {
        let before = from.checked_sub(1).and_then(|at| rows.get(at));
        Self {
            id,
            from: before.map_or(0, |row| row.epoch),
            rows: downsample(&rows[from..], MAX_ROWS),
            of: rows.len(),
        }
    }
}

/// Whether the metrics have no rows any more, as after a resume from epoch 0.
fn was_emptied(paths: &RunPaths) -> bool {
    fs::metadata(paths.metrics()).is_ok_and(|file| file.len() == 0)
}

/// The resolved path of a file, if it is inside `root` and not too large.
fn resolve_inside(root: &Path, path: &Path) -> Option<PathBuf> {
    let (root, path) = (root.canonicalize().ok()?, path.canonicalize().ok()?);
    let file = fs::metadata(&path).ok()?;
    (path.starts_with(root) && file.is_file() && file.len() <= MAX_IMAGE).then_some(path)
}

/// Serialising our own types cannot fail.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
