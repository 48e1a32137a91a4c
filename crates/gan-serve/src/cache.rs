//! The runs as they were last read, and what is said of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gan_run::{Ending, MetricsRow, Record, RunDir, State, Tail, Warning, thin};
use serde::Serialize;
use serde_json::{Value, json};

use crate::runs::Runs;

/// Rows that a page gets at once, however many there are: a chart has no more pixels.
const MOST_ROWS: usize = 2_000;
/// The folder is not looked through more often than this.
const REST: Duration = Duration::from_secs(1);
/// The largest picture that is sent: 4 MiB. A row of ten digits is some kilobytes.
const MOST_BYTES: u64 = 4 << 20;

/// All runs, in the order in which they were found: a run's number is its place, for good.
pub(crate) struct Shelf {
    runs: Runs,
    books: Vec<Book>,
    looked: Option<Instant>,
    /// Pages that are told of news.
    pub(crate) readers: usize,
}

/// A run, of whose rows those are here that were asked for.
struct Book {
    record: Record,
    tail: Tail,
    /// How often the rows were not only added to.
    rewritten: u64,
}

/// What a page knows of a run.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) id: usize,
    told: Option<String>,
    rewritten: u64,
    rows: Option<usize>,
}

#[derive(Serialize)]
struct Told<'a> {
    id: usize,
    name: String,
    state: State,
    total: Option<u64>,
    ending: Option<Ending>,
    settings: &'a [(String, String)],
    samples: Vec<u64>,
    reals: bool,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "what it is in the answer")]
struct Rows {
    id: usize,
    /// The epoch of the row before the first of these; 0 if there is none.
    from: u64,
    rows: Vec<MetricsRow>,
    /// How many rows there are in all.
    of: usize,
}

impl Shelf {
    pub(crate) fn new(runs: Runs) -> Self {
        Self { runs, books: Vec::new(), looked: None, readers: 0 }
    }

    /// Every run in few words; what findings mean; the run to show first.
    pub(crate) fn list(&mut self) -> Value {
        self.look();
        let runs: Vec<Value> = self
            .books
            .iter_mut()
            .enumerate()
            .map(|(id, book)| {
                json!({
                    "id": id,
                    "name": book.record.name(),
                    "state": book.state(),
                    "total": book.record.total_epochs(),
                    "recipe": book.record.setting("training.recipe"),
                })
            })
            .collect();
        let words = Warning::ALL.map(|finding| {
            // A finding without a field is its name.
            let name = json!(finding).as_str().unwrap_or_default().to_owned();
            (name, json!(finding.words()))
        });
        let focus = self.runs.focus.as_deref();
        let focus =
            focus.and_then(|run| self.books.iter().position(|book| book.record.root == run));
        json!({ "runs": runs, "words": Value::Object(words.into_iter().collect()), "focus": focus })
    }

    /// A run without its rows.
    pub(crate) fn run(&mut self, id: usize) -> Option<String> {
        self.look();
        Some(self.books.get_mut(id)?.told(id))
    }

    /// A run's rows after an epoch.
    pub(crate) fn rows(&mut self, id: usize, after: u64) -> Option<String> {
        self.look();
        let book = self.books.get_mut(id)?;
        book.read();
        let rows = &book.record.rows;
        Some(text(&Rows::new(id, rows, rows.partition_point(|row| row.epoch <= after))))
    }

    /// Where the row of digits of an epoch lies, or the real ones if no epoch is given. Never
    /// outside the run's own directory, whatever links there are in it.
    pub(crate) fn picture(&mut self, id: usize, epoch: Option<u64>) -> Option<PathBuf> {
        self.look();
        let paths = self.books.get(id)?.record.paths();
        inside(paths.root(), &epoch.map_or_else(|| paths.reals(), |epoch| paths.sample(epoch)))
    }

    /// What is new of a run, as messages of a name and a text.
    pub(crate) fn news(&mut self, known: &mut Known) -> Vec<(&'static str, String)> {
        let id = known.id;
        let Some(book) = self.books.get_mut(id) else { return Vec::new() };
        book.read();
        let mut news = Vec::new();
        let told = book.told(id);
        if known.told.as_ref() != Some(&told) {
            news.push(("run", told.clone()));
            known.told = Some(told);
        }
        let rows = &book.record.rows;
        let from = known.rows.unwrap_or(rows.len());
        if known.rows.is_some()
            && (known.rewritten != book.rewritten || rows.len() - from > MOST_ROWS)
        {
            news.push(("again", json!({ "id": id }).to_string()));
        } else if known.rows.is_none() || from < rows.len() {
            // The first time there are none: a page learns from where on it is told.
            news.push(("rows", text(&Rows::new(id, rows, from))));
        }
        (known.rewritten, known.rows) = (book.rewritten, Some(rows.len()));
        news
    }

    /// Lets go of all rows: nobody looks any more.
    pub(crate) fn forget(&mut self) {
        for book in &mut self.books {
            *book = Book::new(book.record.root.clone(), book.record.config.take());
        }
    }

    /// Looks for runs that are new, and reads settings again: a resumed run may have others.
    fn look(&mut self) {
        if self.looked.is_some_and(|looked| looked.elapsed() < REST) {
            return;
        }
        self.looked = Some(Instant::now());
        // A folder that cannot be read at this moment has nothing new.
        for root in self.runs.find().unwrap_or_default() {
            // Other programs have a config.json too.
            let Some(config) = RunDir::read_config::<Value>(&root) else { continue };
            if !config.get("training").is_some_and(Value::is_object) {
                continue;
            }
            match self.books.iter_mut().find(|book| book.record.root == root) {
                Some(book) => book.record.config = config,
                None => self.books.push(Book::new(root, config)),
            }
        }
    }
}

impl Known {
    pub(crate) fn of(id: usize) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Book {
    fn new(root: PathBuf, config: Value) -> Self {
        let record = Record { root, config, rows: Vec::new() };
        Self { tail: Tail::new(record.paths().metrics()), record, rewritten: 0 }
    }

    /// Takes in the rows that are new. What cannot be read now may be readable next time.
    fn read(&mut self) {
        let new = self.tail.read().unwrap_or_default();
        let Some(first) = new.first() else { return };
        let kept = self.record.rows.partition_point(|row| row.epoch < first.epoch);
        if kept < self.record.rows.len() {
            self.record.rows.truncate(kept);
            self.rewritten += 1;
        }
        self.record.rows.extend(new);
    }

    fn state(&mut self) -> State {
        let state = self.record.state();
        if state != State::Killed || !self.record.rows.is_empty() {
            return state;
        }
        // Only its rows tell whether a run without last words was done.
        self.read();
        self.record.state()
    }

    fn told(&mut self, id: usize) -> String {
        let state = self.state();
        let Record { root, .. } = &self.record;
        text(&Told {
            id,
            name: self.record.name(),
            state,
            total: self.record.total_epochs(),
            ending: self.record.ending(),
            settings: &self.record.settings(),
            samples: self.record.samples().into_iter().map(|(epoch, _)| epoch).collect(),
            reals: inside(root, &self.record.paths().reals()).is_some(),
        })
    }
}

impl Rows {
    fn new(id: usize, rows: &[MetricsRow], from: usize) -> Self {
        let before = from.checked_sub(1).and_then(|at| rows.get(at));
        Self {
            id,
            from: before.map_or(0, |row| row.epoch),
            rows: thin(&rows[from..], MOST_ROWS),
            of: rows.len(),
        }
    }
}

/// Where a file really lies, if that is in `root` and it is a file of no unusual size.
fn inside(root: &Path, path: &Path) -> Option<PathBuf> {
    let (root, path) = (root.canonicalize().ok()?, path.canonicalize().ok()?);
    let file = fs::metadata(&path).ok()?;
    (path.starts_with(root) && file.is_file() && file.len() <= MOST_BYTES).then_some(path)
}

/// Our own records have nothing that JSON cannot say.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
