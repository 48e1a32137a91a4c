//! What fits where: on a large terminal everything, on a small one what matters most.

use ratatui::layout::Rect;

use crate::state::State;

/// Lines a chart needs with its frame.
const CHART: u16 = 7;
/// Columns beside the digits for what was measured.
const SIDE: u16 = 10;
/// From this height on there is room for whole sentences.
const TALL: u16 = 30;

/// Where each part goes; one that has no place here is `None`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Areas {
    pub header: Rect,
    pub losses: Option<Rect>,
    pub chances: Option<Rect>,
    /// Numbers on a line, where there is no chart or no column beside the digits.
    pub numbers: Option<Rect>,
    pub finding: Option<Rect>,
    /// With how they fit.
    pub digits: Option<(Rect, (u16, u16))>,
    pub side: Option<Rect>,
    pub footer: Option<Rect>,
}

/// Lays out `area` for what there is to show.
pub(crate) fn areas(area: Rect, state: &State) -> Areas {
    let mut rest = area;
    let mut areas = Areas { header: top(&mut rest, 1), ..Areas::default() };
    if area.height >= 4 && !state.ended {
        areas.footer = Some(bottom(&mut rest, 1));
    }
    if !state.findings.is_empty() && rest.height >= 2 {
        areas.finding = Some(bottom(&mut rest, if area.height < TALL { 1 } else { 3 }));
    }
    let fit = state.digits.as_ref().and_then(|(_, digits)| {
        let fit = digits.fit(rest.width.saturating_sub(SIDE), rest.height.saturating_sub(CHART))?;
        Some((fit, digits.size(fit)))
    });
    if let Some((fit, (width, height))) = fit {
        let row = bottom(&mut rest, height);
        areas.digits = Some((Rect { width, ..row }, fit));
        areas.side = Some(Rect { x: row.x + width, width: row.width - width, ..row });
    } else if rest.height >= 1 {
        let lines = if rest.height >= 2 && rest.width < 60 { 2 } else { 1 };
        areas.numbers = Some(bottom(&mut rest, lines));
    }
    (areas.losses, areas.chances) = charts(rest);
    areas
}

fn charts(rest: Rect) -> (Option<Rect>, Option<Rect>) {
    if rest.height < 5 || rest.width < 20 {
        (None, None)
    } else if rest.width >= 60 {
        let half = rest.width / 2;
        let right = Rect { x: rest.x + half, width: rest.width - half, ..rest };
        (Some(Rect { width: half, ..rest }), Some(right))
    } else if rest.height >= 2 * CHART {
        let mut below = rest;
        let above = top(&mut below, rest.height / 2);
        (Some(above), Some(below))
    } else {
        (Some(rest), None)
    }
}

/// Takes lines off the top.
fn top(rest: &mut Rect, lines: u16) -> Rect {
    let taken = Rect { height: lines.min(rest.height), ..*rest };
    rest.y += taken.height;
    rest.height -= taken.height;
    taken
}

/// Takes lines off the bottom.
fn bottom(rest: &mut Rect, lines: u16) -> Rect {
    let height = lines.min(rest.height);
    rest.height -= height;
    Rect { y: rest.y + rest.height, height, ..*rest }
}

#[cfg(test)]
mod tests {
    use gan_run::{Event, Warning};

    use super::*;
    use crate::Digits;

    fn state() -> State {
        let digits = Digits::new(280, 28, vec![0; 280 * 28]).unwrap();
        State { digits: Some((0, digits)), ..State::default() }
    }

    #[test]
    fn the_usual_terminal_has_room_for_everything() {
        let mut state = state();
        let areas = areas(Rect::new(0, 0, 80, 24), &state);
        assert_eq!(areas.digits, Some((Rect::new(0, 9, 70, 14), (5, 14))));
        assert_eq!(areas.side, Some(Rect::new(70, 9, 10, 14)));
        assert_eq!(areas.losses, Some(Rect::new(0, 1, 40, 8)));
        assert_eq!(areas.chances, Some(Rect::new(40, 1, 40, 8)));
        assert_eq!(areas.footer, Some(Rect::new(0, 23, 80, 1)));
        state.observe(&Event::Warning(Warning::Collapse));
        let warned = super::areas(Rect::new(0, 0, 80, 24), &state);
        assert_eq!(warned.finding, Some(Rect::new(0, 22, 80, 1)));
        assert_eq!(warned.digits.map(|(_, fit)| fit), Some((5, 14)), "as large as before");
    }

    #[test]
    fn on_every_size_all_parts_lie_inside_and_apart() {
        let mut state = state();
        state.observe(&Event::Warning(Warning::Collapse));
        for (width, height) in (0..150).flat_map(|width| (0..60).map(move |height| (width, height)))
        {
            let area = Rect::new(0, 0, width, height);
            let areas = areas(area, &state);
            let digits = areas.digits.map(|(digits, _)| digits);
            let some =
                [areas.losses, areas.chances, areas.numbers, areas.finding, digits, areas.side];
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
