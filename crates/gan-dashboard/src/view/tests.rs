use gan_run::{Event, MetricsRow, Warning};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::*;
use crate::digits::Digits;
use crate::state::tests::row;

/// A run in the midst of it.
fn state() -> State {
    let rows = (1..=200).map(|at| MetricsRow { d_loss: 1.0 / at as f32, ..row(20 * at) });
    let mut state = State::new("0007-mnist-dense", 4000, 10_000, rows.collect());
    let quality = Quality {
        count: 2000,
        frechet: 12.345,
        precision: 0.83,
        recall: 0.712,
        density: 0.9,
        coverage: 0.6,
        score: 8.0,
        confidence: 0.97,
        diversity: 0.88,
        shares: vec![0.1; 10],
        missing: vec![4, 9],
    };
    state.read(MetricsRow { quality: Some(quality), ..row(4000) });
    state.best = Some(3000);
    let pixels = (0..280 * 28).map(|at| if at % 28 < 14 { 255 } else { 0 });
    state.digits = Some((4000, Digits::new(280, 28, pixels.collect()).unwrap()));
    state.tick(0.0);
    state.epoch += 100;
    state.tick(2.0);
    state.observe(&Event::Saved(4000));
    state
}

fn drawn(width: u16, height: u16, state: &State, colours: Colours) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let view = View { state, colours };
    terminal.draw(|frame| frame.render_widget(view, frame.area())).unwrap();
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let line = |row: Rect| (row.x..row.right()).map(|x| buffer[(x, row.y)].symbol()).collect();
    buffer.area.rows().map(line).collect()
}

#[track_caller]
fn assert_shows(lines: &[String], words: &[&str]) {
    for word in words {
        assert!(lines.iter().any(|line| line.contains(word)), "no {word:?} in {lines:#?}");
    }
}

#[test]
fn the_usual_terminal_shows_everything() {
    let buffer = drawn(80, 24, &state(), Colours::True);
    let shown = lines(&buffer);
    assert_shows(
        &shown[..1],
        &["0007-mnist-dense", "epoch 4100/10000", "41%", "50.0 steps/s", "1m58s left"],
    );
    assert_shows(&shown[1..2], &["d_loss 0.50", "g_loss 1.00", "D(real) 0.70", "D(fake) 0.30"]);
    assert_shows(
        &shown[9..23],
        &["digits at", "4000", "FD 12.3", "P  0.83", "R  0.71", "3000", "▀"],
    );
    assert_shows(&shown[23..], &["q stop", "s sample", "p pause", "? help", "checkpoint at 4000"]);
    // Curves of both nets in their own colours.
    for hue in [Hue::Discriminator, Hue::Generator] {
        let colour = Colours::True.of_hue(hue).fg.unwrap();
        let dots = buffer.content().iter().filter(|cell| {
            cell.fg == colour
                && cell.symbol().chars().all(|dot| ('\u{2801}'..='\u{28ff}').contains(&dot))
        });
        assert!(dots.count() > 20, "{hue:?}");
    }
    // Half a digit is white, the other half black.
    assert_eq!(
        (buffer[(0, 9)].fg, buffer[(13, 9)].fg),
        (Color::Rgb(255, 255, 255), Color::Rgb(0, 0, 0))
    );
    // 41% of the first line is filled.
    let filled = |x| buffer[(x, 0)].modifier.contains(Modifier::REVERSED);
    assert!(filled(31) && !filled(33));
}

#[test]
fn a_large_terminal_shows_more_measures_and_larger_digits() {
    let shown = lines(&drawn(160, 50, &state(), Colours::True));
    let words = ["FD         12.3", "coverage   0.60", "missing    4, 9"];
    assert_shows(&shown, &words);
    assert!(shown.iter().filter(|line| line.starts_with('▀')).count() >= 26, "{shown:#?}");
}

#[test]
fn without_colours_nothing_is_coloured_and_the_curves_differ_all_the_same() {
    let buffer = drawn(80, 24, &state(), Colours::Plain);
    assert!(buffer.content().iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    let shown = lines(&buffer);
    assert_shows(&shown[1..2], &["⠒d_loss 0.50", "•g_loss 1.00"]);
    assert_shows(&shown[2..8], &["•"]);
    assert!(shown[9].starts_with("███████       ███████"), "{}", shown[9]);
}

#[test]
fn a_256_colour_terminal_has_greys_of_its_own() {
    let buffer = drawn(80, 24, &state(), Colours::Indexed);
    assert_eq!((buffer[(0, 9)].fg, buffer[(13, 9)].bg), (Color::Indexed(231), Color::Indexed(16)));
    let of_those = |colour| matches!(colour, Color::Reset | Color::Indexed(_));
    assert!(buffer.content().iter().all(|cell| of_those(cell.fg) && of_those(cell.bg)));
}

#[test]
fn small_terminals_show_the_numbers() {
    let shown = lines(&drawn(40, 6, &state(), Colours::True));
    assert_shows(&shown, &["epoch 4100/10000", "d_loss 0.50", "FD 12.3", "q stop"]);
    let shown = lines(&drawn(20, 1, &state(), Colours::True));
    assert_shows(&shown, &["41%"]);
    let shown = lines(&drawn(40, 12, &state(), Colours::True));
    assert_shows(&shown, &["d_loss 0.50", "FD 12.3  P 0.83  R 0.71", "q stop"]);
}

#[test]
fn no_size_and_no_state_is_too_strange_to_be_drawn() {
    let mut strange = state();
    strange.observe(&Event::Warning(Warning::Collapse));
    strange.help = true;
    strange.read(MetricsRow { d_loss: f32::NAN, g_loss: f32::INFINITY, d_real: -3.0, ..row(5000) });
    let resumed = State { total: 0, ..state() };
    for state in [strange, resumed, State::default()] {
        for width in [0, 1, 2, 9, 19, 20, 21, 40, 59, 60, 80, 150] {
            for height in (0..10).chain([12, 14, 24, 29, 30, 50]) {
                drawn(width, height, &state, Colours::Indexed);
            }
        }
    }
}

#[test]
fn a_finding_is_told_in_its_words() {
    let mut state = state();
    state.observe(&Event::Warning(Warning::Collapse));
    let shown = lines(&drawn(80, 24, &state, Colours::True));
    assert_shows(&shown[22..23], &["epoch 4100: mode collapse: the pictures of a batch", "…"]);
    let shown = lines(&drawn(120, 40, &state, Colours::True));
    assert_shows(&shown, &["mode collapse", "--recipe default"]);
}

#[test]
fn help_explains_the_keys_and_a_pause_is_told() {
    let state = State { help: true, paused: true, ..state() };
    let shown = lines(&drawn(80, 24, &state, Colours::True));
    assert_shows(&shown[..1], &["PAUSED"]);
    for (key, what) in HELP {
        assert_shows(&shown, &[key, what]);
    }
}

#[test]
fn the_last_state_has_no_keys() {
    let state = State { ended: true, ..state() };
    let shown = lines(&drawn(80, 22, &state, Colours::True));
    assert!(shown.iter().all(|line| !line.contains("q stop")), "{shown:#?}");
    assert_shows(&shown, &["4100/10000", "d_loss", "FD 12.3", "▀"]);
}
