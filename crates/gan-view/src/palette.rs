//! Colours for light and dark pages that remain distinguishable with colour blindness.

use std::fmt::Write;

use plotters::style::RGBColor;

use crate::html::put;

/// A colour on light pages, which is the one in the SVG, and its counterpart on dark pages.
pub struct Colour {
    light: [u8; 3],
    dark: [u8; 3],
}

/// Colours of lines and legends, after Okabe and Ito, with the faint ones darkened.
pub const LINES: [Colour; 7] = [
    Colour { light: [0x00, 0x6b, 0xb0], dark: [0x56, 0xb4, 0xe9] }, // blue
    Colour { light: [0xc4, 0x4e, 0x00], dark: [0xff, 0x8f, 0x3e] }, // vermilion
    Colour { light: [0x00, 0x85, 0x5f], dark: [0x2f, 0xc9, 0x9a] }, // bluish green
    Colour { light: [0xb0, 0x4a, 0x86], dark: [0xe3, 0x95, 0xc2] }, // reddish purple
    Colour { light: [0x8a, 0x6d, 0x00], dark: [0xf0, 0xe4, 0x42] }, // yellow
    Colour { light: [0x4a, 0x4a, 0x4a], dark: [0xd5, 0xd5, 0xd5] }, // grey
    Colour { light: [0x5b, 0x3f, 0xc4], dark: [0xa9, 0x97, 0xff] }, // violet
];

/// Labels and numbers of the axes.
pub const AXIS: Colour = Colour { light: [0x33, 0x38, 0x40], dark: [0xc9, 0xd1, 0xd9] };

pub const GRID: Colour = Colour { light: [0xdf, 0xe2, 0xe6], dark: [0x33, 0x3a, 0x44] };

impl Colour {
    /// The colour in the SVG.
    pub const fn rgb(&self) -> RGBColor {
        let [r, g, b] = self.light;
        RGBColor(r, g, b)
    }
}

/// CSS by which charts and legends (classes `c0`, `c1`, …) follow the page's light or dark scheme.
pub fn css() -> String {
    let hex = |[r, g, b]: [u8; 3]| format!("#{r:02X}{g:02X}{b:02X}");
    let (mut light, mut dark, mut rules) = (String::new(), String::new(), String::new());
    for (index, colour) in LINES.iter().chain([&AXIS, &GRID]).enumerate() {
        let drawn = hex(colour.light);
        put!(light, "--c{index}:{drawn};");
        put!(dark, "--c{index}:{};", hex(colour.dark));
        put!(
            rules,
            ".c{index}{{color:var(--c{index})}}\n\
             svg [stroke=\"{drawn}\"]{{stroke:var(--c{index})}}\n\
             svg [fill=\"{drawn}\"]{{fill:var(--c{index})}}\n"
        );
    }
    format!(
        ":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n\
         @media print{{:root{{{light}}}}}\n{rules}"
    )
}
