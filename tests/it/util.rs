//! A directory to work in, the two programs run there, and what they left.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const GAN_TRAIN: &str = env!("CARGO_BIN_EXE_gan-train");
pub(crate) const GAN_SAMPLE: &str = env!("CARGO_BIN_EXE_gan-sample");
pub(crate) const GAN_WATCH: &str = env!("CARGO_BIN_EXE_gan-watch");

/// A CPU back end: what it computes repeats to the last bit.
pub(crate) const CPU: &str = if cfg!(feature = "flex") { "flex" } else { "ndarray" };
/// Flags of small nets.
pub(crate) const SMALL: &str = "--latent 8 --generator-hidden 32 --discriminator-hidden 32";

/// After this a program is taken to hang.
const PATIENCE: Duration = Duration::from_mins(1);

/// A directory that goes with its test.
pub(crate) struct Place(TempDir);

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A program at work; it ends with its test at the latest.
pub(crate) struct Running(Child);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `gan-train` with these words, whatever they are.
    pub(crate) fn gan_train(&self, args: &str) -> Ran {
        self.run(GAN_TRAIN, args.split_whitespace())
    }

    /// `gan-train` with small nets, on a CPU, from the built-in digits.
    pub(crate) fn train(&self, args: &str) -> Ran {
        self.gan_train(&small(args))
    }

    /// `gan-train`, going on in `run`.
    pub(crate) fn resume(&self, run: &str, args: &str) -> Ran {
        self.gan_train(&format!("--resume {run} --device {CPU} {args}"))
    }

    /// `gan-sample` with these words, on a CPU.
    pub(crate) fn sample(&self, args: &str) -> Ran {
        self.run(GAN_SAMPLE, format!("--device {CPU} {args}").split_whitespace())
    }

    /// A program in this directory, which is its folder for temporary files too.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Ran {
        let mut command = assert_cmd::Command::new(program);
        command.args(args).current_dir(self.0.path()).env("TMPDIR", self.0.path());
        command.timeout(PATIENCE).output().unwrap().into()
    }

    /// Starts [`train`](Self::train), or a resumed training if `args` say so.
    pub(crate) fn start(&self, args: &str) -> Running {
        self.start_with(args, &[])
    }

    /// The same with variables of the environment.
    pub(crate) fn start_with(&self, args: &str, variables: &[(&str, &str)]) -> Running {
        let resumed = args.contains("--resume");
        let args = if resumed { format!("{args} --device {CPU}") } else { small(args) };
        self.spawn(GAN_TRAIN, &args, variables)
    }

    /// Starts a program with these words in this directory.
    pub(crate) fn start_program(&self, program: &str, args: &str) -> Running {
        self.spawn(program, args, &[])
    }

    fn spawn(&self, program: &str, args: &str, variables: &[(&str, &str)]) -> Running {
        let mut command = Command::new(program);
        command.args(args.split_whitespace()).current_dir(self.0.path());
        command.envs(variables.iter().copied());
        Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Names in a folder, sorted.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// The whole rows of a run's metrics so far, without the clock's field.
    pub(crate) fn rows(&self, run: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(&format!("{run}/metrics.jsonl")));
        let text = text.unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let row = |line| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            assert!(row.as_object_mut().unwrap().remove("seconds").unwrap().is_f64());
            row
        };
        whole.lines().map(row).collect()
    }

    /// The pictures of a run by their names.
    pub(crate) fn pictures(&self, run: &str) -> BTreeMap<String, Vec<u8>> {
        let folder = format!("{run}/samples");
        let read = |name: String| (name.clone(), self.read(&format!("{folder}/{name}")));
        self.list(&folder).into_iter().map(read).collect()
    }

    /// That `run` holds what `whole` does, the clock aside, and maybe more pictures.
    #[track_caller]
    pub(crate) fn assert_same_run(&self, run: &str, whole: &str) {
        let file = |run: &str, name: &str| self.read(&format!("{run}/{name}"));
        assert!(file(run, "ckpt.mpk") == file(whole, "ckpt.mpk"), "checkpoints differ");
        assert!(file(run, "reals.png") == file(whole, "reals.png"), "reals differ");
        let best = |run: &str| self.path(&format!("{run}/best.mpk")).exists();
        assert_eq!(best(run), best(whole));
        if best(run) {
            assert!(file(run, "best.mpk") == file(whole, "best.mpk"), "the best differ");
        }
        let pictures = self.pictures(run);
        for (name, bytes) in self.pictures(whole) {
            assert!(pictures.get(&name) == Some(&bytes), "{name} differs");
        }
        assert_eq!(self.rows(run), self.rows(whole));
    }
}

impl Ran {
    /// That it succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// That it ended with `code` and an error that holds all of `words`.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) -> Self {
        let Self { stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        for word in ["error: "].iter().chain(words) {
            assert!(stderr.contains(word), "{word:?} is not in: {stderr}");
        }
        self
    }

    /// Its stdout, which must be one JSON object on a line of its own.
    #[track_caller]
    pub(crate) fn object(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{}", self.stdout);
        let value: Value = serde_json::from_str(&self.stdout).unwrap();
        assert!(value.is_object(), "{value}");
        value
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Running {
    /// Waits until something is so, which must be before the program ends.
    #[track_caller]
    pub(crate) fn until(&mut self, so: impl Fn() -> bool) {
        let begin = Instant::now();
        while !so() {
            assert!(self.0.try_wait().unwrap().is_none(), "it ended too early");
            assert!(begin.elapsed() < PATIENCE, "it takes too long");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The first line on stderr that holds `word`.
    #[track_caller]
    pub(crate) fn says(&mut self, word: &str) -> String {
        line(self.0.stderr.as_mut().unwrap(), word)
    }

    /// The first line on stdout that holds `word`.
    #[track_caller]
    pub(crate) fn prints(&mut self, word: &str) -> String {
        line(self.0.stdout.as_mut().unwrap(), word)
    }

    /// Sends a signal, such as `INT`, and waits for the end.
    #[cfg(unix)]
    pub(crate) fn signal(self, name: &str) -> Ran {
        self.send(name);
        self.ended()
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub(crate) fn send(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Nobody reads what it says on stdout any more, or on stderr.
    pub(crate) fn turn_away(&mut self, stdout: bool, stderr: bool) {
        if stdout {
            drop(self.0.stdout.take());
        }
        if stderr {
            drop(self.0.stderr.take());
        }
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Ran {
        let begin = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(1));
        }
        let read = |pipe: Option<&mut dyn Read>| {
            pipe.map_or_else(String::new, |pipe| io::read_to_string(pipe).unwrap())
        };
        Ran {
            code: self.0.wait().unwrap().code(),
            stdout: read(self.0.stdout.as_mut().map(|pipe| pipe as _)),
            stderr: read(self.0.stderr.as_mut().map(|pipe| pipe as _)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The checkpoint of a small training, computed once for all tests.
pub(crate) fn trained() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let place = Place::new();
        place.train("--epochs 40 --quiet --out run").ok();
        place.read("run/ckpt.mpk")
    })
}

/// Draws for a test, by a seed that it prints when it fails.
pub(crate) struct Draw(u64);

impl Draw {
    /// By `GAN_SEED`, or a seed of this test's own; `what` is said with it.
    #[expect(clippy::print_stdout, reason = "who looks at a failed test must know")]
    pub(crate) fn new(what: &str, usual: u64) -> Self {
        let seed = number("GAN_SEED", usual);
        println!("{what}: GAN_SEED={seed}");
        Self(seed)
    }

    /// Below `end`; of no better quality than a test needs (`SplitMix64`).
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % end
    }

    /// One of them.
    pub(crate) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }
}

/// A number from the environment: how much a test does, beyond what is usual.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |value| value.parse().expect("a number"))
}

/// A grey picture and its size in pixels.
pub(crate) fn picture(path: &Path) -> image::GrayImage {
    image::open(path).unwrap().into_luma8()
}

#[track_caller]
fn line(pipe: &mut dyn std::io::Read, word: &str) -> String {
    let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
    lines.find(|line| line.contains(word)).unwrap_or_else(|| panic!("no {word:?} before the end"))
}

fn small(args: &str) -> String {
    // A test may have a batch of its own.
    let batch = if args.contains("--batch") { "" } else { "--batch 16" };
    // Its steps do not depend on how many there will be.
    let recipe = if args.contains("--recipe") { "" } else { "--recipe plain" };
    // By default it depends on --epochs, which resumed runs have another of.
    let eval = if args.contains("--eval-every") { "" } else { "--eval-every 0" };
    format!("--dataset synthetic --device {CPU} {SMALL} {batch} {recipe} {eval} {args}")
}
