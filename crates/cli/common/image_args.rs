//! Flags for what is made of images: size, channels, background.

use std::fmt;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use gan_data::{Fit, ImageOptions, MAX_SIZE};
use serde::{Deserialize, Serialize};

const IMAGES: &str = "Images";

/// What is made of each image.
#[derive(Args, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct ImageArgs {
    /// Size of the images, width x height or one number for both; larger and smaller ones are
    /// resampled (Lanczos, on the stored values and not in linear light) [default: their own, if
    /// all have the same of at most 64x64]
    #[arg(long, value_name = "N|WxH", help_heading = IMAGES)]
    pub size: Option<Size>,

    /// Channels of the images: 1 is grey, 3 is colour [default: 1 if all images are grey, else 3]
    #[arg(long, value_name = "1|3", help_heading = IMAGES)]
    pub channels: Option<Channels>,

    /// How images of another aspect ratio get the --size [default: crop]
    #[arg(long, help_heading = IMAGES)]
    pub fit: Option<FitName>,

    /// Exchange black and white: a GAN for digits expects white ones on black
    #[arg(long, help_heading = IMAGES, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub invert: Option<bool>,

    /// Colour behind transparent images and beside padded ones: black, white or #RRGGBB
    /// [default: black or white: behind transparent images the one that differs more from them,
    /// beside others the one nearer to their edges]
    #[arg(long, value_name = "COLOUR", help_heading = IMAGES)]
    pub background: Option<Colour>,

    /// Leave out images that cannot be read, and count them
    #[arg(long, help_heading = IMAGES, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub skip_broken: Option<bool>,
}

/// A value of `--fit`.
#[derive(ValueEnum, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum FitName {
    /// The middle of the image
    Crop,
    /// All of it, with the background at two sides
    Pad,
    /// All of it, stretched
    Stretch,
}

impl ImageArgs {
    /// The options, with those of `recorded` where no flag is given.
    pub fn options(&self, recorded: &ImageOptions) -> ImageOptions {
        ImageOptions {
            size: self.size.map(|Size(size)| size).or(recorded.size),
            channels: self.channels.map(|Channels(channels)| channels.into()).or(recorded.channels),
            fit: self.fit.map_or(recorded.fit, |fit| match fit {
                FitName::Crop => Fit::Crop,
                FitName::Pad => Fit::Pad,
                FitName::Stretch => Fit::Stretch,
            }),
            invert: self.invert.unwrap_or(recorded.invert),
            background: self.background.map(|Colour(rgb)| rgb).or(recorded.background),
            skip_broken: self.skip_broken.unwrap_or(recorded.skip_broken),
        }
    }
}

/// The flags that give these options, with a blank before each.
pub fn flags(options: &ImageOptions) -> String {
    let mut flags = String::new();
    let mut add = |flag: &str| {
        flags.push_str(" --");
        flags.push_str(flag);
    };
    if let Some([width, height]) = options.size {
        add(&format!("size {width}x{height}"));
    }
    if let Some(channels) = options.channels {
        add(&format!("channels {channels}"));
    }
    match options.fit {
        Fit::Crop => {}
        Fit::Pad => add("fit pad"),
        Fit::Stretch => add("fit stretch"),
    }
    if let Some(background) = options.background {
        add(&format!("background '{}'", Colour(background)));
    }
    for (set, flag) in [(options.invert, "invert"), (options.skip_broken, "skip-broken")] {
        if set {
            add(flag);
        }
    }
    flags
}

/// Width and height.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(try_from = "Text", into = "String")]
pub struct Size([usize; 2]);

/// 1 or 3.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(try_from = "u8")]
pub struct Channels(u8);

/// A colour.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(try_from = "String", into = "String")]
pub struct Colour([u8; 3]);

/// A number or a text in a configuration file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Number(u64),
    Text(String),
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (width, height) = text.split_once('x').unwrap_or((text, text));
        let side = |text: &str| {
            text.parse().ok().filter(|side| (1..=MAX_SIZE).contains(side)).ok_or_else(|| {
                format!("expected N or WIDTHxHEIGHT, such as 32 or 48x32, of 1 to {MAX_SIZE}")
            })
        };
        Ok(Self([side(width)?, side(height)?]))
    }
}

impl TryFrom<Text> for Size {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        match text {
            Text::Number(side) => side.to_string().parse(),
            Text::Text(text) => text.parse(),
        }
    }
}

impl From<Size> for String {
    fn from(Size([width, height]): Size) -> Self {
        format!("{width}x{height}")
    }
}

impl FromStr for Channels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<u8>().map_err(|_| "expected 1 or 3")?.try_into()
    }
}

impl TryFrom<u8> for Channels {
    type Error = String;

    fn try_from(channels: u8) -> Result<Self, String> {
        let known = [1, 3].contains(&channels).then_some(Self(channels));
        known.ok_or_else(|| "expected 1 (grey) or 3 (colour)".into())
    }
}

impl FromStr for Colour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "black" => return Ok(Self([0; 3])),
            "white" => return Ok(Self([255; 3])),
            _ => {}
        }
        let is_hex =
            |hex: &&str| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hex = text.strip_prefix('#').filter(is_hex);
        let number = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let [_, r, g, b] =
            number.ok_or("expected black, white or #RRGGBB, such as #ff8000")?.to_be_bytes();
        Ok(Self([r, g, b]))
    }
}

impl TryFrom<String> for Colour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self([r, g, b]) = self;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_colours_are_parsed() {
        assert_eq!("32".parse(), Ok(Size([32, 32])));
        assert_eq!("48x32".parse(), Ok(Size([48, 32])));
        assert_eq!(serde_json::from_str::<Size>("32").unwrap(), Size([32, 32]));
        for wrong in ["0", "257", "x", "32x", "3.5", "-1", "1x2x3"] {
            assert!(wrong.parse::<Size>().unwrap_err().starts_with("expected N or"), "{wrong}");
        }
        assert_eq!("white".parse(), Ok(Colour([255; 3])));
        assert_eq!("#ff8000".parse(), Ok(Colour([255, 128, 0])));
        for wrong in ["", "grey", "#fff", "#gggggg", "#+12345", "ff8000"] {
            assert!(wrong.parse::<Colour>().is_err(), "{wrong}");
        }
    }
}
