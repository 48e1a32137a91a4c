//! The layout: everything on a large terminal, the most important parts on a small one.

use ratatui::layout::Rect;

use crate::samples::Grid;
use crate::state::State;

/// The least height of a chart with its frame.
const MIN_CHART: u16 = 7;
/// Columns of the sidebar.
const SIDEBAR: u16 = 10;
/// From this height on a warning has several lines.
const TALL: u16 = 30;

/// The area of each part; `None` if there is no room.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Areas {
    pub header: Rect,
    pub losses: Option<Rect>,
    pub probabilities: Option<Rect>,
    /// Numbers, where there is no room for a chart or the sidebar.
    pub numbers: Option<Rect>,
    pub warning: Option<Rect>,
    pub samples: Option<(Rect, Grid)>,
    /// Evaluation results beside the samples.
    pub sidebar: Option<Rect>,
    pub footer: Option<Rect>,
}

pub(crate) fn areas(area: Rect, state: &State) -> Areas {
    let mut rest = area;
    let mut areas = Areas { header: top(&mut rest, 1), ..Areas::default() };
    if area.height >= 4 && !state.ended {
        areas.footer = Some(bottom(&mut rest, 1));
    }
    if !state.warnings.is_empty() && rest.height >= 2 {
        areas.warning = Some(bottom(&mut rest, if area.height < TALL { 1 } else { 3 }));
    }
    let grid = state.samples.as_ref().and_then(|(_, samples)| {
        samples.fit(rest.width.saturating_sub(SIDEBAR), rest.height.saturating_sub(MIN_CHART))
    });
    if let Some(grid @ Grid { size: (width, height), .. }) = grid {
        let row = bottom(&mut rest, height);
        areas.samples = Some((Rect { width, ..row }, grid));
        areas.sidebar = Some(Rect { x: row.x + width, width: row.width - width, ..row });
    } else if rest.height >= 1 {
        let lines = if rest.height >= 2 && rest.width < 60 { 2 } else { 1 };
        areas.numbers = Some(bottom(&mut rest, lines));
    }
    (areas.losses, areas.probabilities) = charts(rest);
    areas
}

fn charts(rest: Rect) -> (Option<Rect>, Option<Rect>) {
    if rest.height < 5 || rest.width < 20 {
        (None, None)
    } else if rest.width >= 60 {
        let half = rest.width / 2;
        let right = Rect { x: rest.x + half, width: rest.width - half, ..rest };
        (Some(Rect { width: half, ..rest }), Some(right))
    } else if rest.height >= 2 * MIN_CHART {
        let mut below = rest;
        let above = top(&mut below, rest.height / 2);
        (Some(above), Some(below))
    } else {
        (Some(rest), None)
    }
}

/// Removes lines from the top.
fn top(rest: &mut Rect, lines: u16) -> Rect {
    let taken = Rect { height: lines.min(rest.height), ..*rest };
    rest.y += taken.height;
    rest.height -= taken.height;
    taken
}

/// Removes lines from the bottom.
fn bottom(rest: &mut Rect, lines: u16) -> Rect {
    let height = lines.min(rest.height);
    rest.height -= height;
    Rect { y: rest.y + rest.height, height, ..*rest }
}

#[cfg(test)]
mod tests {
    use gan_run::{Event, Warning};

    use super::*;
    use crate::samples::tests::ten;

    fn state() -> State {
        State { samples: Some((0, ten(|_, _| 0))), ..State::default() }
    }

    #[test]
    fn a_usual_terminal_has_room_for_everything() {
        let mut state = state();
        let areas = areas(Rect::new(0, 0, 80, 24), &state);
        let (samples, grid) = areas.samples.unwrap();
        assert_eq!((samples, grid.size), (Rect::new(0, 9, 70, 14), (70, 14)));
        assert_eq!(areas.sidebar, Some(Rect::new(70, 9, 10, 14)));
        assert_eq!(areas.losses, Some(Rect::new(0, 1, 40, 8)));
        assert_eq!(areas.probabilities, Some(Rect::new(40, 1, 40, 8)));
        assert_eq!(areas.footer, Some(Rect::new(0, 23, 80, 1)));
        state.observe(&Event::Warning(Warning::Collapse));
        let warned = super::areas(Rect::new(0, 0, 80, 24), &state);
        assert_eq!(warned.warning, Some(Rect::new(0, 22, 80, 1)));
        assert_eq!(warned.samples.map(|(_, grid)| grid), Some(grid), "as large as before");
    }

    #[test]
    fn on_every_size_the_parts_are_inside_and_do_not_overlap() {
        let mut state = state();
        state.observe(&Event::Warning(Warning::Collapse));
        for (width, height) in (0..150).flat_map(|width| (0..60).map(move |height| (width, height)))
        {
            let area = Rect::new(0, 0, width, height);
            let areas = areas(area, &state);
            let samples = areas.samples.map(|(samples, _)| samples);
            let some = [
                areas.losses,
                areas.probabilities,
                areas.numbers,
                areas.warning,
                samples,
                areas.sidebar,
            ];
            let parts: Vec<_> =
                some.into_iter().chain([Some(areas.header), areas.footer]).flatten().collect();
            for (index, part) in parts.iter().enumerate() {
                assert_eq!(part.intersection(area), *part, "{areas:?}");
                for other in &parts[..index] {
                    assert!(!part.intersects(*other), "{width}x{height}: {areas:?}");
                }
            }
        }
    }
}
