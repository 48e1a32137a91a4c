//! The colour support of a terminal, and the colours that are used.

use image::{Pixel, Rgb};
use ratatui::style::{Color, Style};

/// Without colours, pixels of at least this luma are white.
const WHITE: u8 = 96;

/// The colour support of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// 24-bit colours.
    TrueColour,
    /// The 256 colours of xterm.
    Indexed,
    /// No colours: pixels are black or white.
    Monochrome,
}

/// What a colour is used for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// The discriminator, and real images.
    Discriminator,
    /// The generator, and its samples.
    Generator,
    Warning,
    /// Frames, labels and help.
    Secondary,
}

impl Colours {
    /// Detects the support from environment variables: `COLORTERM`, `TERM`, and `NO_COLOR`, which
    /// takes precedence.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let contains = |name: &str, parts: &[&str]| {
            variable(name).is_some_and(|value| parts.iter().any(|part| value.contains(part)))
        };
        if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            Self::Monochrome
        } else if contains("COLORTERM", &["truecolor", "24bit"]) || contains("TERM", &["direct"]) {
            Self::TrueColour
        } else if contains("TERM", &["256color", "kitty", "alacritty"]) {
            Self::Indexed
        } else {
            Self::Monochrome
        }
    }

    /// The style of text and lines; the colours are distinguishable with colour blindness.
    pub(crate) fn style(self, role: Role) -> Style {
        let (rgb, index) = match role {
            Role::Discriminator => ([86, 180, 233], 74),
            Role::Generator => ([230, 159, 0], 214),
            Role::Warning => ([240, 120, 80], 209),
            Role::Secondary => ([140, 140, 140], 245),
        };
        match (self, role) {
            (Self::TrueColour, _) => Style::new().fg(rgb.into()),
            (Self::Indexed, _) => Style::new().fg(Color::Indexed(index)),
            (Self::Monochrome, Role::Warning) => Style::new().bold(),
            (Self::Monochrome, _) => Style::new(),
        }
    }

    /// A cell that shows two pixels, one above the other.
    pub(crate) fn half_block(self, upper: [u8; 3], lower: [u8; 3]) -> (&'static str, Style) {
        let colour: fn([u8; 3]) -> Color = match self {
            Self::TrueColour => Color::from,
            Self::Indexed => |rgb| Color::Indexed(index(rgb)),
            Self::Monochrome => {
                let white = |rgb| Rgb(rgb).to_luma()[0] >= WHITE;
                let symbol = match (white(upper), white(lower)) {
                    (false, false) => " ",
                    (true, false) => "▀",
                    (false, true) => "▄",
                    (true, true) => "█",
                };
                return (symbol, Style::new());
            }
        };
        ("▀", Style::new().fg(colour(upper)).bg(colour(lower)))
    }
}

/// The nearest of the 256 colours: for greys the ramp of 24 from 8 to 238, black or white; else the
/// cube with the levels 0, 95, 135, 175, 215 and 255.
fn index([r, g, b]: [u8; 3]) -> u8 {
    let level = |value: u8| match value {
        0..48 => 0,
        48..115 => 1,
        115.. => (value - 35) / 40,
    };
    match r {
        _ if r != g || g != b => 16 + 36 * level(r) + 6 * level(g) + level(b),
        0..4 => 16,
        4..=243 => 232 + ((r.max(8) - 8 + 5) / 10).min(23),
        244.. => 231,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)]) -> Colours {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Colours::detect(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn colour_support_is_detected_from_the_environment() {
        let true_colour = ("COLORTERM", "truecolor");
        assert_eq!(detect(&[("TERM", "xterm"), true_colour]), Colours::TrueColour);
        let bits = ("COLORTERM", "24bit");
        assert_eq!(detect(&[("TERM", "xterm-256color"), bits]), Colours::TrueColour);
        assert_eq!(detect(&[("TERM", "tmux-256color")]), Colours::Indexed);
        assert_eq!(detect(&[("TERM", "linux")]), Colours::Monochrome);
        assert_eq!(detect(&[]), Colours::Monochrome);
        assert_eq!(detect(&[true_colour, ("NO_COLOR", "1")]), Colours::Monochrome);
        assert_eq!(detect(&[true_colour, ("NO_COLOR", "")]), Colours::TrueColour, "empty is unset");
    }

    #[test]
    fn greys_of_the_palette_rise_from_black_to_white() {
        let grey = |level| index([level; 3]);
        assert_eq!([0, 8, 128, 238, 255].map(grey), [16, 232, 244, 255, 231]);
        assert!((4..243).all(|level| grey(level) <= grey(level + 1)));
    }

    #[test]
    fn colours_of_the_palette_are_the_nearest_of_the_cube() {
        assert_eq!(index([255, 0, 0]), 16 + 36 * 5);
        assert_eq!(index([0, 95, 255]), 16 + 6 + 5);
        assert_eq!(index([40, 130, 180]), 16 + 6 * 2 + 3);
    }

    #[test]
    fn a_cell_shows_two_pixels_in_their_colours() {
        let (red, blue) = ([255, 0, 0], [0, 0, 255]);
        let style = Style::new().fg(Color::Rgb(255, 0, 0)).bg(Color::Rgb(0, 0, 255));
        assert_eq!(Colours::TrueColour.half_block(red, blue), ("▀", style));
        let style = Style::new().fg(Color::Indexed(196)).bg(Color::Indexed(21));
        assert_eq!(Colours::Indexed.half_block(red, blue), ("▀", style));
        let green = [0, 255, 0];
        assert_eq!(Colours::Monochrome.half_block(green, blue), ("▀", Style::new()), "by luma");
    }
}
