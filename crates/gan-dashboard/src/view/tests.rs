use gan_run::{Event, MetricsRow, Warning};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::*;
use crate::samples::tests::ten;
use crate::state::tests::{record, row};

/// A run at 41%.
fn state() -> State {
    let rows = (1..=200).map(|at| MetricsRow { d_loss: 1.0 / at as f32, ..row(20 * at) });
    let mut state = State::new(record("0007-mnist-dense", rows.collect()), 4000, 10_000);
    let quality = Quality {
        count: 2000,
        frechet: 12.345,
        kernel_distance: None,
        precision: 0.83,
        recall: 0.712,
        density: 0.9,
        coverage: 0.6,
        classes: Some(ClassQuality {
            diversity: 0.88,
            missing: vec![4, 9],
            ..ClassQuality::default()
        }),
        asked: None,
    };
    state.push_row(MetricsRow { quality: Some(quality), ..row(4000) });
    state.best = Some(3000);
    state.samples = Some((4000, ten(|x, _| if x % 28 < 14 { 255 } else { 0 })));
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
fn assert_shows(lines: &[String], texts: &[&str]) {
    for text in texts {
        assert!(lines.iter().any(|line| line.contains(text)), "no {text:?} in {lines:#?}");
    }
}

#[test]
fn a_usual_terminal_shows_everything() {
    let buffer = drawn(80, 24, &state(), Colours::TrueColour);
    let shown = lines(&buffer);
    assert_shows(
        &shown[..1],
        &["0007-mnist-dense", "epoch 4100/10000", "41%", "50.0 steps/s", "1m58s left"],
    );
    assert_shows(&shown[1..2], &["d_loss 0.50", "g_loss 1.00", "D(real) 0.70", "D(fake) 0.30"]);
    assert_shows(
        &shown[9..23],
        &["samples", "4000", "evaluated", "FD 12.3", "P  0.83", "R  0.71", "3000", "▀"],
    );
    assert_shows(&shown[23..], &["q stop", "s sample", "p pause", "? help", "checkpoint at 4000"]);
    // The curves of both networks have their colours.
    for role in [Role::Discriminator, Role::Generator] {
        let colour = Colours::TrueColour.style(role).fg.unwrap();
        let dots = buffer.content().iter().filter(|cell| {
            cell.fg == colour
                && cell.symbol().chars().all(|dot| ('\u{2801}'..='\u{28ff}').contains(&dot))
        });
        assert!(dots.count() > 20, "{role:?}");
    }
    // Half a sample is white, the other half black.
    assert_eq!(
        (buffer[(0, 9)].fg, buffer[(13, 9)].fg),
        (Color::Rgb(255, 255, 255), Color::Rgb(0, 0, 0))
    );
    // 41% of the first line is filled.
    let filled = |x| buffer[(x, 0)].modifier.contains(Modifier::REVERSED);
    assert!(filled(31) && !filled(33));
}

#[test]
fn a_large_terminal_shows_more_measures_and_larger_samples() {
    let shown = lines(&drawn(160, 50, &state(), Colours::TrueColour));
    let measures = ["FD         12.3", "coverage   0.60", "diversity  0.88", "missing    fish, 9"];
    assert_shows(&shown, &measures);
    assert!(shown.iter().filter(|line| line.starts_with('▀')).count() >= 26, "{shown:#?}");
}

#[test]
fn without_colours_the_curves_have_different_markers() {
    let buffer = drawn(80, 24, &state(), Colours::Monochrome);
    assert!(buffer.content().iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    let shown = lines(&buffer);
    assert_shows(&shown[1..2], &["⠒d_loss 0.50", "•g_loss 1.00"]);
    assert_shows(&shown[2..8], &["•"]);
    assert!(shown[9].starts_with("███████       ███████"), "{}", shown[9]);
}

#[test]
fn a_256_colour_terminal_uses_its_palette() {
    let buffer = drawn(80, 24, &state(), Colours::Indexed);
    assert_eq!((buffer[(0, 9)].fg, buffer[(13, 9)].bg), (Color::Indexed(231), Color::Indexed(16)));
    let in_palette = |colour| matches!(colour, Color::Reset | Color::Indexed(_));
    assert!(buffer.content().iter().all(|cell| in_palette(cell.fg) && in_palette(cell.bg)));
}

#[test]
fn small_terminals_show_the_numbers() {
    let shown = lines(&drawn(40, 6, &state(), Colours::TrueColour));
    assert_shows(&shown, &["epoch 4100/10000", "d_loss 0.50", "FD 12.3", "q stop"]);
    let shown = lines(&drawn(20, 1, &state(), Colours::TrueColour));
    assert_shows(&shown, &["41%"]);
    let shown = lines(&drawn(40, 12, &state(), Colours::TrueColour));
    assert_shows(&shown, &["d_loss 0.50", "FD 12.3  P 0.83  R 0.71", "q stop"]);
}

#[test]
fn every_state_is_drawn_at_every_size() {
    let mut unusual = state();
    unusual.observe(&Event::Warning(Warning::Collapse));
    unusual.help = true;
    unusual.push_row(MetricsRow {
        d_loss: f32::NAN,
        g_loss: f32::INFINITY,
        d_real: -3.0,
        ..row(5000)
    });
    let resumed = State { total: 0, ..state() };
    for state in [unusual, resumed, State::default()] {
        for width in [0, 1, 2, 9, 19, 20, 21, 40, 59, 60, 80, 150] {
            for height in (0..10).chain([12, 14, 24, 29, 30, 50]) {
                drawn(width, height, &state, Colours::Indexed);
            }
        }
    }
}

#[test]
fn a_warning_is_shown_with_its_message() {
    let mut state = state();
    state.observe(&Event::Warning(Warning::Collapse));
    let shown = lines(&drawn(80, 24, &state, Colours::TrueColour));
    assert_shows(&shown[22..23], &["epoch 4100: mode collapse: the samples of a batch", "…"]);
    let shown = lines(&drawn(120, 40, &state, Colours::TrueColour));
    assert_shows(&shown, &["mode collapse", "--recipe default"]);
}

#[test]
fn help_and_pause_are_shown() {
    let state = State { help: true, paused: true, ..state() };
    let shown = lines(&drawn(80, 24, &state, Colours::TrueColour));
    assert_shows(&shown[..1], &["PAUSED"]);
    for (key, action) in HELP {
        assert_shows(&shown, &[key, action]);
    }
}

#[test]
fn the_last_state_does_not_show_keys() {
    let state = State { ended: true, ..state() };
    let shown = lines(&drawn(80, 22, &state, Colours::TrueColour));
    assert!(shown.iter().all(|line| !line.contains("q stop")), "{shown:#?}");
    assert_shows(&shown, &["4100/10000", "d_loss", "FD 12.3", "▀"]);
}
