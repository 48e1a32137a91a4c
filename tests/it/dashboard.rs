//! `--watch` on a real terminal, which tmux provides.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::util::{CPU, GAN_TRAIN, Place, SMALL};

/// After this a screen is considered never to appear.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Samples and checkpoints on request only.
const ON_REQUEST: &str = "--sample-every 100000000 --checkpoint-every 100000000 --eval-every 0";
/// A training that does not finish.
const ENDLESS: &str = "--epochs 100000000 --out run";

/// A terminal with a shell; both end with the test.
struct Terminal<'a> {
    place: &'a Place,
}

impl<'a> Terminal<'a> {
    /// A terminal of this size, if tmux is installed.
    fn open(place: &'a Place, width: u16, height: u16) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            // Not by eprintln!, whose output is captured in a test that passes.
            let message = "SKIPPED: the dashboard is not tested without tmux";
            let _ = writeln!(io::stderr(), "{message}");
            return None;
        }
        let terminal = Self { place };
        let size = [width.to_string(), height.to_string()];
        // A shell without user settings.
        let shell = "exec env PS1='ready> ' ENV= TERM=xterm-256color sh";
        let new = ["-f", "/dev/null", "new-session", "-d", "-x", &size[0], "-y", &size[1], shell];
        terminal.tmux(&new);
        terminal.until("a prompt", |screen| screen.contains("ready>"));
        Some(terminal)
    }

    fn tmux(&self, args: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.place.path("tmux")).args(args);
        let output = command.current_dir(self.place.path("")).output().unwrap();
        assert!(output.status.success(), "tmux {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types a line.
    fn type_line(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.key("Enter");
    }

    /// Presses a named key.
    fn key(&self, name: &str) {
        self.tmux(&["send-keys", name]);
    }

    /// Starts `gan-train --watch` with small networks and these environment variables.
    fn start(&self, variables: &str, args: &str) {
        let small = format!("{SMALL} --batch 16 --recipe plain --dataset synthetic --device {CPU}");
        let train = format!("{GAN_TRAIN} --watch {small} {ON_REQUEST} {args}");
        self.place.write("start", format!("echo $$ >pid; exec env {variables} {train}"));
        self.type_line("clear; sh start; echo exit code $?");
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The screen and the scrollback after the program has ended.
    #[track_caller]
    fn output_after(&self, code: i32) -> String {
        self.until_shown(&format!("exit code {code}"));
        self.tmux(&["capture-pane", "-p", "-S", "-200"])
    }

    /// Waits for a screen.
    #[track_caller]
    fn until(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if condition(&screen) {
                return screen;
            }
            assert!(start.elapsed() < TIMEOUT, "no {what} on the screen:\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn until_shown(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Asserts that the terminal is restored: the normal screen with a cursor, line editing, echo,
    /// and a shell that responds.
    #[track_caller]
    fn assert_restored(&self) {
        let flags = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(flags.trim(), "0 1", "alternate screen and cursor");
        self.type_line("clear; stty -a; echo sum $((6 * 7))");
        let screen = self.until_shown("sum 42");
        for mode in ["icanon", "echo", "isig", "opost"] {
            assert!(screen.split_whitespace().any(|word| word == mode), "{mode}:\n{screen}");
        }
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // After a failed test, the training is still running there.
        let mut command = Command::new("tmux");
        let _ = command.arg("-S").arg(self.place.path("tmux")).arg("kill-server").status();
    }
}

/// The epoch in the first line.
fn epoch(screen: &str) -> Option<u64> {
    let (_, rest) = screen.lines().next()?.split_once("epoch ")?;
    rest.split_once('/')?.0.parse().ok()
}

#[track_caller]
fn assert_exists(path: &Path) {
    assert!(path.exists(), "{}", path.display());
}

#[test]
fn every_key_works_as_documented() {
    let place = Place::new();
    let Some(terminal) = Terminal::open(&place, 80, 24) else { return };
    terminal.start("", ENDLESS);
    let screen = terminal.until("a running training", |screen| {
        ["run ", " steps/s", "left", "d_loss ", "g_loss", "D(real)", "D(fake)", "▀", "q stop"]
            .iter()
            .all(|word| screen.contains(word))
    });
    assert!(screen.lines().next_back().unwrap().contains("? help"), "{screen}");

    terminal.key("?");
    terminal.until_shown("Ctrl-C  as q");
    terminal.key("?");
    terminal.until("screen without help", |screen| !screen.contains("Ctrl-C"));

    terminal.key("s");
    let screen = terminal.until("new samples", |screen| {
        screen.contains("samples at") && !screen.contains("samples at 0")
    });
    let sampled = screen.split_once("samples at ").unwrap().1.split_whitespace().next().unwrap();
    assert_exists(&place.path(&format!("run/samples/epoch-{sampled:0>6}.png")));
    terminal.until("their epoch beside the samples", |screen| {
        screen.lines().any(|line| line.starts_with('▀') && line.ends_with(&format!(" {sampled}")))
    });

    let before = place.read("run/ckpt.mpk");
    terminal.key("c");
    terminal.until_shown("checkpoint at");
    assert!(place.read("run/ckpt.mpk") != before, "a checkpoint was written");

    terminal.key("p");
    terminal.until_shown("PAUSED");
    // The current step ends before the next key is shown.
    terminal.key("?");
    let paused = epoch(&terminal.until_shown("Ctrl-C"));
    assert!(paused.is_some());
    // The screen is updated, the training is paused.
    for help in [false, true, false] {
        terminal.key("?");
        let screen = terminal.until("help or none", |screen| screen.contains("Ctrl-C") == help);
        assert_eq!(epoch(&screen), paused);
    }
    let before = place.read("run/ckpt.mpk");
    terminal.key("c");
    terminal.until("checkpoint in the pause", |_| place.read("run/ckpt.mpk") != before);
    terminal.key("p");
    terminal.until("more epochs", |screen| epoch(screen) > paused.map(|epoch| epoch + 1));

    terminal.key("q");
    let screen = terminal.output_after(0);
    for word in ["stopped after", "gan-train --resume run", "d_loss", "D(real)", "▀"] {
        assert!(screen.contains(word), "{word:?} is not on:\n{screen}");
    }
    assert!(!screen.contains("q stop"), "the keys are gone:\n{screen}");
    terminal.assert_restored();

    // The saved run is resumed to the result of an uninterrupted training.
    let done = screen.split_once("stopped after ").unwrap().1.split_once(' ').unwrap().0;
    let total = 37 + done.parse::<u64>().unwrap();
    place
        .resume("run", &format!("--epochs {}", total - 38))
        .fails(2, &[&format!("has done {done}")]);
    place.resume("run", &format!("--epochs {total} --quiet")).ok();
    place.train(&format!("{ON_REQUEST} --epochs {total} --quiet --out uninterrupted")).ok();
    place.assert_same_run("run", "uninterrupted");
}

#[test]
fn the_dashboard_follows_the_size_of_the_terminal() {
    let place = Place::new();
    let Some(terminal) = Terminal::open(&place, 120, 40) else { return };
    terminal.start("COLORTERM=truecolor", ENDLESS);
    let blocks = |screen: &str| screen.lines().filter(|line| line.starts_with('▀')).count();
    terminal.until("large samples", |screen| screen.contains("steps/s") && blocks(screen) == 22);
    let colours = terminal.tmux(&["capture-pane", "-p", "-e"]);
    assert!(colours.contains("38;2;86;180;233"), "the discriminator's colour");

    terminal.tmux(&["resize-window", "-x", "80", "-y", "24"]);
    terminal.until("samples of 80x24", |screen| blocks(screen) == 14);
    terminal.tmux(&["resize-window", "-x", "40", "-y", "8"]);
    let small = terminal
        .until("numbers of 40x8", |screen| blocks(screen) == 0 && screen.contains("p pause"));
    assert!(epoch(&small).is_some(), "{small}");

    terminal.tmux(&["resize-window", "-x", "120", "-y", "40"]);
    terminal.until("large samples", |screen| blocks(screen) == 22);
    terminal.key("C-c");
    assert!(terminal.output_after(130).contains("stopped after"));
    terminal.assert_restored();
}

#[test]
fn a_paused_training_obeys_signals() {
    let place = Place::new();
    let Some(terminal) = Terminal::open(&place, 100, 30) else { return };
    terminal.start("NO_COLOR=1", ENDLESS);
    terminal.until_shown("steps/s");
    let colours = terminal.tmux(&["capture-pane", "-p", "-e"]);
    assert!(!colours.contains("38;"), "no colours: {colours}");
    terminal.key("p");
    terminal.until_shown("PAUSED");
    let pid = String::from_utf8(place.read("pid")).unwrap();
    let send = |signal: &str| {
        assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
    };
    let before = place.read("run/ckpt.mpk");
    send("-USR1");
    terminal.until("checkpoint in the pause", |_| place.read("run/ckpt.mpk") != before);
    send("-TERM");
    terminal.output_after(143);
    terminal.assert_restored();
}

#[test]
fn the_last_state_stays_on_the_terminal() {
    let place = Place::new();
    let Some(terminal) = Terminal::open(&place, 80, 50) else { return };
    terminal.start("", "--epochs 60 --json --out run");
    let screen = terminal.output_after(0);
    for word in ["epoch 60/60", "100%", "d_loss", "▀", "finished after 60 epochs", "\"outcome\""]
    {
        assert!(screen.contains(word), "{word:?} is not on:\n{screen}");
    }
    terminal.assert_restored();
}

#[test]
fn without_a_terminal_the_training_continues() {
    let place = Place::new();
    let ran = place.train("--epochs 45 --watch --out run").ok();
    let lines = ran.stderr.lines().filter(|line| line.contains("--watch needs a terminal"));
    assert_eq!(lines.count(), 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains('\x1b'), "{}", ran.stderr);
    assert!(ran.stderr.contains("finished after 45 epochs"), "{}", ran.stderr);
    let ran = place.train("--epochs 45 --watch --quiet --json --out quiet").ok();
    assert_eq!((ran.stderr.as_str(), &ran.object()["outcome"]), ("", &"finished".into()));
    place.assert_same_run("run", "quiet");

    let Some(terminal) = Terminal::open(&place, 80, 24) else { return };
    terminal.start("TERM=dumb", "--epochs 45 --out dumb");
    let screen = terminal.output_after(0);
    assert!(screen.contains("TERM is \"dumb\""), "{screen}");
    assert!(screen.contains("finished after 45 epochs"), "{screen}");
}
