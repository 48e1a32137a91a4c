//! Runs the programs in a temporary directory, and reads the files they write.

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

/// A CPU back end, whose results repeat exactly.
pub(crate) const CPU: &str = if cfg!(feature = "flex") { "flex" } else { "ndarray" };
/// Flags of small networks.
pub(crate) const SMALL: &str = "--latent 8 --generator-hidden 32 --discriminator-hidden 32";

/// A program that runs longer is considered to hang.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A directory that is deleted after its test.
pub(crate) struct Place(TempDir);

/// The output of a program that has exited.
#[derive(Debug)]
pub(crate) struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A running program; it is killed at the end of its test.
pub(crate) struct Running(Child);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `gan-train`.
    pub(crate) fn gan_train(&self, args: &str) -> Ran {
        self.run(GAN_TRAIN, args.split_whitespace())
    }

    /// Runs `gan-train` with small networks, on a CPU, on the built-in digits.
    pub(crate) fn train(&self, args: &str) -> Ran {
        self.gan_train(&small(args))
    }

    /// Resumes `run` with `gan-train`.
    pub(crate) fn resume(&self, run: &str, args: &str) -> Ran {
        self.gan_train(&format!("--resume {run} --device {CPU} {args}"))
    }

    /// Runs `gan-sample` on a CPU.
    pub(crate) fn sample(&self, args: &str) -> Ran {
        self.run(GAN_SAMPLE, format!("--device {CPU} {args}").split_whitespace())
    }

    /// Runs a program in this directory, which is also its folder for temporary files.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Ran {
        let mut command = assert_cmd::Command::new(program);
        command.args(args).current_dir(self.0.path()).env("TMPDIR", self.0.path());
        command.timeout(TIMEOUT).output().unwrap().into()
    }

    /// Starts [`train`](Self::train), or a resumed training with `--resume` in `args`.
    pub(crate) fn start(&self, args: &str) -> Running {
        self.start_with(args, &[])
    }

    /// Like [`start`](Self::start), with environment variables.
    pub(crate) fn start_with(&self, args: &str, variables: &[(&str, &str)]) -> Running {
        let resumed = args.contains("--resume");
        let args = if resumed { format!("{args} --device {CPU}") } else { small(args) };
        self.spawn(GAN_TRAIN, &args, variables)
    }

    /// Starts a program in this directory.
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

    /// The complete rows of a run's metrics so far, without `seconds`.
    pub(crate) fn rows(&self, run: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(&format!("{run}/metrics.jsonl")));
        let text = text.unwrap_or_default();
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let row = |line| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            assert!(row.as_object_mut().unwrap().remove("seconds").unwrap().is_f64());
            row
        };
        complete.lines().map(row).collect()
    }

    /// The previews of a run by file name.
    pub(crate) fn previews(&self, run: &str) -> BTreeMap<String, Vec<u8>> {
        let folder = format!("{run}/samples");
        let read = |name: String| (name.clone(), self.read(&format!("{folder}/{name}")));
        self.list(&folder).into_iter().map(read).collect()
    }

    /// Asserts that `run` equals `expected`, except for `seconds`. It may have more previews.
    #[track_caller]
    pub(crate) fn assert_same_run(&self, run: &str, expected: &str) {
        let file = |run: &str, name: &str| self.read(&format!("{run}/{name}"));
        assert!(file(run, "ckpt.mpk") == file(expected, "ckpt.mpk"), "checkpoints differ");
        assert!(file(run, "reals.png") == file(expected, "reals.png"), "reals differ");
        let best = |run: &str| self.path(&format!("{run}/best.mpk")).exists();
        assert_eq!(best(run), best(expected));
        if best(run) {
            assert!(file(run, "best.mpk") == file(expected, "best.mpk"), "the best differ");
        }
        let previews = self.previews(run);
        for (name, bytes) in self.previews(expected) {
            assert!(previews.get(&name) == Some(&bytes), "{name} differs");
        }
        assert_eq!(self.rows(run), self.rows(expected));
    }
}

impl Ran {
    /// Asserts that the program succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Asserts that the program exited with `code` and an error that contains all of `words`.
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

    /// The JSON object on stdout, which must be its only line.
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
    /// Waits until `condition` holds; the program must still be running.
    #[track_caller]
    pub(crate) fn until(&mut self, condition: impl Fn() -> bool) {
        let begin = Instant::now();
        while !condition() {
            assert!(self.0.try_wait().unwrap().is_none(), "it ended too early");
            assert!(begin.elapsed() < TIMEOUT, "it takes too long");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The first line on stderr that contains `word`.
    #[track_caller]
    pub(crate) fn logs(&mut self, word: &str) -> String {
        line(self.0.stderr.as_mut().unwrap(), word)
    }

    /// The first line on stdout that contains `word`.
    #[track_caller]
    pub(crate) fn prints(&mut self, word: &str) -> String {
        line(self.0.stdout.as_mut().unwrap(), word)
    }

    /// Sends a signal, such as `INT`, and waits for the program to exit.
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

    /// Sends a signal, if the program has not ended.
    #[cfg(unix)]
    pub(crate) fn send_if_alive(&mut self, name: &str) {
        if !self.has_ended() {
            self.send(name);
            // After SIGKILL it ends at once.
            while name == "KILL" && !self.has_ended() {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether the program has exited.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Closes the reading end of stdout or stderr.
    pub(crate) fn close_streams(&mut self, stdout: bool, stderr: bool) {
        if stdout {
            drop(self.0.stdout.take());
        }
        if stderr {
            drop(self.0.stderr.take());
        }
    }

    /// Waits for the program to exit.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Ran {
        let begin = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < TIMEOUT, "it does not end");
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
        // The program may have exited.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The checkpoint of a small training run, shared by all tests.
pub(crate) fn trained() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let place = Place::new();
        place.train("--epochs 40 --quiet --out run").ok();
        place.read("run/ckpt.mpk")
    })
}

/// Random numbers of a test. The seed is printed if the test fails.
pub(crate) struct Draw(u64);

impl Draw {
    /// Uses `GAN_SEED` or else `default`, and prints the seed with `what`.
    #[expect(clippy::print_stdout, reason = "shown if the test fails")]
    pub(crate) fn new(what: &str, default: u64) -> Self {
        let seed = number("GAN_SEED", default);
        println!("{what}: GAN_SEED={seed}");
        Self(seed)
    }

    /// A number below `end` (`SplitMix64`).
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % end
    }

    /// A random element of `all`.
    pub(crate) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }
}

/// A number from an environment variable, such as the number of repetitions of a test.
pub(crate) fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().expect("a number"))
}

/// Reads a greyscale image.
pub(crate) fn read_image(path: &Path) -> image::GrayImage {
    image::open(path).unwrap().into_luma8()
}

#[track_caller]
fn line(pipe: &mut dyn std::io::Read, word: &str) -> String {
    let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
    lines.find(|line| line.contains(word)).unwrap_or_else(|| panic!("no {word:?} before the end"))
}

fn small(args: &str) -> String {
    // A test may set another batch size.
    let batch = if args.contains("--batch") { "" } else { "--batch 16" };
    // The steps of the recipe plain do not depend on the number of epochs.
    let recipe = if args.contains("--recipe") { "" } else { "--recipe plain" };
    // The default depends on --epochs, which differs between resumed runs.
    let eval = if args.contains("--eval-every") { "" } else { "--eval-every 0" };
    let nets = if args.contains("--family conv") { "--latent 8 --filters 3" } else { SMALL };
    format!("--dataset synthetic --device {CPU} {nets} {batch} {recipe} {eval} {args}")
}
