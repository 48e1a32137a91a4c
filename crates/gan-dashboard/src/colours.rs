//! What colours a terminal has, and which of them are used for what.

use ratatui::style::{Color, Style};

/// What colours a terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Sixteen million.
    True,
    /// 256, two dozen of them grey.
    Indexed,
    /// None that are used here: ink or paper, and bold letters.
    Plain,
}

/// What is drawn in a colour of its own.
#[derive(Clone, Copy, Debug)]
pub enum Hue {
    /// The discriminator, and real images.
    Discriminator,
    /// The generator, and its images.
    Generator,
    /// Something goes wrong.
    Warning,
    /// What need not be read first.
    Quiet,
}

impl Colours {
    /// What the environment says: `COLORTERM`, `TERM`, and `NO_COLOR`, which wins.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, has: &[&str]| {
            variable(name).is_some_and(|value| has.iter().any(|part| value.contains(part)))
        };
        if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            Self::Plain
        } else if is("COLORTERM", &["truecolor", "24bit"]) || is("TERM", &["direct"]) {
            Self::True
        } else if is("TERM", &["256color", "kitty", "alacritty"]) {
            Self::Indexed
        } else {
            Self::Plain
        }
    }

    /// Letters and lines of a hue; it differs for those who tell red from green badly, too.
    pub(crate) fn of_hue(self, hue: Hue) -> Style {
        let (rgb, index) = match hue {
            Hue::Discriminator => ((86, 180, 233), 74),
            Hue::Generator => ((230, 159, 0), 214),
            Hue::Warning => ((240, 120, 80), 209),
            Hue::Quiet => ((140, 140, 140), 245),
        };
        match (self, hue) {
            (Self::True, _) => Style::new().fg(Color::Rgb(rgb.0, rgb.1, rgb.2)),
            (Self::Indexed, _) => Style::new().fg(Color::Indexed(index)),
            (Self::Plain, Hue::Warning) => Style::new().bold(),
            (Self::Plain, _) => Style::new(),
        }
    }

    /// A grey from 0, black, to 255, white; none if it takes letters to tell them apart.
    pub(crate) fn grey(self, level: u8) -> Option<Color> {
        match self {
            Self::True => Some(Color::Rgb(level, level, level)),
            // A ramp of 24 from 8 to 238 in steps of 10, and the cube's black and white.
            Self::Indexed => Some(Color::Indexed(match level {
                0..4 => 16,
                4..=243 => 232 + ((level.max(8) - 8 + 5) / 10).min(23),
                244.. => 231,
            })),
            Self::Plain => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Colours {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Colours::of(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_says_what_the_terminal_can_do() {
        assert_eq!(of(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]), Colours::True);
        assert_eq!(of(&[("TERM", "xterm-256color"), ("COLORTERM", "24bit")]), Colours::True);
        assert_eq!(of(&[("TERM", "tmux-256color")]), Colours::Indexed);
        assert_eq!(of(&[("TERM", "linux")]), Colours::Plain);
        assert_eq!(of(&[]), Colours::Plain);
        let no = [("COLORTERM", "truecolor"), ("NO_COLOR", "1")];
        assert_eq!(of(&no), Colours::Plain);
        assert_eq!(of(&[no[0], ("NO_COLOR", "")]), Colours::True, "an empty one says nothing");
    }

    #[test]
    fn greys_rise_from_black_to_white() {
        let index = |level| match Colours::Indexed.grey(level) {
            Some(Color::Indexed(index)) => index,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (index(0), index(8), index(128), index(238), index(255)),
            (16, 232, 244, 255, 231)
        );
        assert!((4..243).all(|level| index(level) <= index(level + 1)));
        assert_eq!(Colours::True.grey(7), Some(Color::Rgb(7, 7, 7)));
        assert_eq!(Colours::Plain.grey(7), None);
    }
}
