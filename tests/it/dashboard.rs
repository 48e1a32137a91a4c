//! `--watch`, on a real terminal: tmux is one that can be typed at and read.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::util::{CPU, GAN_TRAIN, Place, SMALL};

/// After this a screen is taken not to come.
const PATIENCE: Duration = Duration::from_mins(1);
/// It draws and saves when it is asked to.
const RARELY: &str = "--sample-every 100000000 --checkpoint-every 100000000 --eval-every 0";
/// And goes on until it is told to end.
const ENDLESS: &str = "--epochs 100000000 --out run";

/// A terminal with a shell in it; both end with their test.
struct Terminal<'a> {
    place: &'a Place,
}

impl<'a> Terminal<'a> {
    /// One of this size, unless there is no tmux.
    fn open(place: &'a Place, width: u16, height: u16) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            // Not by eprintln!, which nobody sees of a test that passes.
            let words = "SKIPPED: no tmux, so the dashboard has no terminal to be tested on";
            let _ = writeln!(io::stderr(), "{words}");
            return None;
        }
        let terminal = Self { place };
        let size = [width.to_string(), height.to_string()];
        // A shell without anybody's settings.
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
    fn types(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.key("Enter");
    }

    /// Presses a key by its name.
    fn key(&self, name: &str) {
        self.tmux(&["send-keys", name]);
    }

    /// Starts `gan-train --watch` with small nets and these variables in its environment.
    fn watches(&self, variables: &str, args: &str) {
        let small = format!("{SMALL} --batch 16 --recipe plain --dataset synthetic --device {CPU}");
        let train = format!("{GAN_TRAIN} --watch {small} {RARELY} {args}");
        self.place.write("start", format!("echo $$ >pid; exec env {variables} {train}"));
        self.types("clear; sh start; echo exit code $?");
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// What stays when a program has ended: the screen, and what has scrolled off it.
    #[track_caller]
    fn left_after(&self, code: i32) -> String {
        self.until_shown(&format!("exit code {code}"));
        self.tmux(&["capture-pane", "-p", "-S", "-200"])
    }

    /// Waits for a screen.
    #[track_caller]
    fn until(&self, what: &str, so: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let screen = self.screen();
            if so(&screen) {
                return screen;
            }
            assert!(begin.elapsed() < PATIENCE, "no {what} on the screen:\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn until_shown(&self, words: &str) -> String {
        self.until(words, |screen| screen.contains(words))
    }

    /// That the terminal is what it was: the ordinary screen with its cursor, lines that are
    /// edited and echoed, a shell that answers.
    #[track_caller]
    fn assert_sane(&self) {
        let flags = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(flags.trim(), "0 1", "alternate screen and cursor");
        self.types("clear; stty -a; echo sum $((6 * 7))");
        let screen = self.until_shown("sum 42");
        for mode in ["icanon", "echo", "isig", "opost"] {
            assert!(screen.split_whitespace().any(|word| word == mode), "{mode}:\n{screen}");
        }
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // Of a test that fails, the training is still at work there.
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
fn every_key_does_what_the_help_says() {
    let place = Place::new();
    let Some(terminal) = Terminal::open(&place, 80, 24) else { return };
    terminal.watches("", ENDLESS);
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
    let screen = terminal.until("new digits", |screen| {
        screen.contains("drawn at") && !screen.contains("drawn at 0")
    });
    let drawn = screen.split_once("drawn at ").unwrap().1.split_whitespace().next().unwrap();
    assert_exists(&place.path(&format!("run/samples/epoch-{drawn:0>6}.png")));
    terminal.until("their epoch beside the digits", |screen| {
        screen.lines().any(|line| line.starts_with('▀') && line.ends_with(&format!(" {drawn}")))
    });

    let before = place.read("run/ckpt.mpk");
    terminal.key("c");
    terminal.until_shown("checkpoint at");
    assert!(place.read("run/ckpt.mpk") != before, "a checkpoint was written");

    terminal.key("p");
    terminal.until_shown("PAUSED");
    // What was under way when the key was seen is over when the next one is.
    terminal.key("?");
    let paused = epoch(&terminal.until_shown("Ctrl-C"));
    assert!(paused.is_some());
    // The screen goes on, the training does not.
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
    let screen = terminal.left_after(0);
    for word in ["stopped after", "gan-train --resume run", "d_loss", "D(real)", "▀"] {
        assert!(screen.contains(word), "{word:?} is not left on:\n{screen}");
    }
    assert!(!screen.contains("q stop"), "keys are over:\n{screen}");
    terminal.assert_sane();

    // What q has saved goes on to what an uninterrupted training gives.
    let done = screen.split_once("stopped after ").unwrap().1.split_once(' ').unwrap().0;
    let total = 37 + done.parse::<u64>().unwrap();
    place
        .resume("run", &format!("--epochs {}", total - 38))
        .fails(2, &[&format!("has done {done}")]);
    place.resume("run", &format!("--epochs {total} --quiet")).ok();
    place.train(&format!("{RARELY} --epochs {total} --quiet --out whole")).ok();
    place.assert_same_run("run", "whole");
}

#[test]
fn a_large_terminal_and_one_that_becomes_small_are_filled() {
    let place = Place::new();
    let Some(terminal) = Terminal::open(&place, 120, 40) else { return };
    terminal.watches("COLORTERM=truecolor", ENDLESS);
    let blocks = |screen: &str| screen.lines().filter(|line| line.starts_with('▀')).count();
    terminal.until("large digits", |screen| screen.contains("steps/s") && blocks(screen) == 22);
    let colours = terminal.tmux(&["capture-pane", "-p", "-e"]);
    assert!(colours.contains("38;2;86;180;233"), "the discriminator's colour");

    terminal.tmux(&["resize-window", "-x", "80", "-y", "24"]);
    terminal.until("digits of 80x24", |screen| blocks(screen) == 14);
    terminal.tmux(&["resize-window", "-x", "40", "-y", "8"]);
    let small = terminal
        .until("numbers of 40x8", |screen| blocks(screen) == 0 && screen.contains("p pause"));
    assert!(epoch(&small).is_some(), "{small}");

    terminal.tmux(&["resize-window", "-x", "120", "-y", "40"]);
    terminal.until("large digits", |screen| blocks(screen) == 22);
    terminal.key("C-c");
    assert!(terminal.left_after(130).contains("stopped after"));
    terminal.assert_sane();
}

#[test]
fn a_signal_ends_it_as_everywhere_even_in_a_pause() {
    let place = Place::new();
    let Some(terminal) = Terminal::open(&place, 100, 30) else { return };
    terminal.watches("NO_COLOR=1", ENDLESS);
    terminal.until_shown("steps/s");
    let colours = terminal.tmux(&["capture-pane", "-p", "-e"]);
    assert!(!colours.contains("38;"), "no colours: {colours}");
    terminal.key("p");
    terminal.until_shown("PAUSED");
    let pid = String::from_utf8(place.read("pid")).unwrap();
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
    terminal.left_after(143);
    terminal.assert_sane();
}

#[test]
fn a_training_that_finishes_leaves_its_last_state_and_its_warnings() {
    let place = Place::new();
    let Some(terminal) = Terminal::open(&place, 80, 50) else { return };
    terminal.watches("", "--epochs 60 --json --out run");
    let screen = terminal.left_after(0);
    for word in ["epoch 60/60", "100%", "d_loss", "▀", "finished after 60 epochs", "\"outcome\""]
    {
        assert!(screen.contains(word), "{word:?} is not left on:\n{screen}");
    }
    terminal.assert_sane();
}

#[test]
fn without_a_terminal_watch_says_so_and_goes_on() {
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
    terminal.watches("TERM=dumb", "--epochs 45 --out dumb");
    let screen = terminal.left_after(0);
    assert!(screen.contains("TERM is \"dumb\""), "{screen}");
    assert!(screen.contains("finished after 45 epochs"), "{screen}");
}
