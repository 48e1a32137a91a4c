//! The records of an event file.
//!
//! Field numbers are those of TensorFlow's `event.proto` and `summary.proto`.

use std::io::{self, Write};

use gan_run::{AskedQuality, ClassNames, ClassQuality, MetricsRow, Quality};
use prost::Message;

use crate::images::{PngHeader, png_header};

#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// Epochs done.
    #[prost(int64, tag = "2")]
    pub step: i64,
    #[prost(string, optional, tag = "3")]
    pub file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

/// The value of a curve at a step.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    #[prost(string, tag = "1")]
    pub tag: String,
    #[prost(float, optional, tag = "2")]
    pub scalar: Option<f32>,
    #[prost(message, optional, tag = "4")]
    pub image: Option<Image>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Image {
    #[prost(int32, tag = "1")]
    pub height: i32,
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// Channels: 1 is grey, 2 grey with alpha, 3 RGB, 4 RGBA.
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    /// A PNG.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded: Vec<u8>,
}

impl Event {
    /// The first record of a file, with the version of the format.
    pub fn version(wall_time: f64) -> Self {
        Self { wall_time, step: 0, file_version: Some("brain.Event:2".into()), summary: None }
    }

    /// The scalars of a row.
    pub fn row(wall_time: f64, row: &MetricsRow, classes: &ClassNames) -> Self {
        let value = |(tag, scalar)| Value { tag, scalar: Some(scalar), image: None };
        Self::summary(wall_time, row.epoch, scalars(row, classes).map(value).collect())
    }

    /// A row of samples; `None` if the bytes are not a PNG.
    pub fn preview(wall_time: f64, epoch: u64, png: Vec<u8>) -> Option<Self> {
        let PngHeader { width, height, colour_type } = png_header(&png)?;
        let colorspace = match colour_type {
            0 => 1,
            4 => 2,
            6 => 4,
            _ => 3,
        };
        let (width, height) = (width.try_into().ok()?, height.try_into().ok()?);
        let image = Image { height, width, colorspace, encoded: png };
        let value = Value { tag: "samples".into(), scalar: None, image: Some(image) };
        Some(Self::summary(wall_time, epoch, vec![value]))
    }

    fn summary(wall_time: f64, epoch: u64, values: Vec<Value>) -> Self {
        // An epoch is far below 2^63.
        let (step, summary) = (epoch.cast_signed(), Some(Summary { values }));
        Self { wall_time, step, file_version: None, summary }
    }
}

/// The tags and values of a row; TensorBoard groups tags by the part before the slash.
fn scalars(row: &MetricsRow, classes: &ClassNames) -> impl Iterator<Item = (String, f32)> {
    // Destructured so that a new field is not forgotten.
    let MetricsRow {
        epoch: _,
        d_loss,
        g_loss,
        d_real,
        d_fake,
        spread,
        saturated,
        idle,
        quality,
        warning: _,
        seconds: _,
    } = row;
    let mut scalars: Vec<(String, f32)> = vec![
        ("losses/d_loss".into(), *d_loss),
        ("losses/g_loss".into(), *g_loss),
        ("probabilities/d_real".into(), *d_real),
        ("probabilities/d_fake".into(), *d_fake),
        ("signs/spread".into(), *spread),
        ("signs/saturated".into(), *saturated),
        ("signs/idle".into(), *idle),
    ];
    if let Some(quality) = quality {
        let Quality {
            count: _,
            frechet,
            kernel_distance,
            precision,
            recall,
            density,
            coverage,
            classes: of_classes,
            asked,
        } = quality;
        let mut push = |name, value| scalars.push((format!("quality/{name}"), value as f32));
        if let Some(value) = kernel_distance {
            push("kernel_distance", *value);
        }
        push("frechet", *frechet);
        push("precision", *precision);
        push("recall", *recall);
        push("density", *density);
        push("coverage", *coverage);
        if let Some(AskedQuality { share, by_class, frechet, diversity, confusion: _ }) =
            asked.as_deref()
        {
            push("as_asked", *share);
            push("as_asked_worst", by_class.iter().copied().fold(1.0, f64::min));
            push("frechet_by_class", *frechet);
            push("diversity_worst", diversity.iter().copied().fold(f64::INFINITY, f64::min));
        }
        if let Some(ClassQuality { score, confidence, diversity, shares, missing }) = of_classes {
            push("score", *score);
            push("confidence", *confidence);
            push("diversity", *diversity);
            push("missing", missing.len() as f64);
            for (class, share) in shares.iter().enumerate() {
                scalars.push((format!("shares/{}", classes.label(class)), *share as f32));
            }
        }
    }
    scalars.into_iter()
}

/// Writes an encoded event:
///
/// ```text
/// u64  length of the data, little-endian
/// u32  checksum of those eight bytes
/// …    the data
/// u32  checksum of the data
/// ```
pub fn write_record(out: &mut impl Write, data: &[u8]) -> io::Result<()> {
    let length = (data.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&checksum(&length).to_le_bytes())?;
    out.write_all(data)?;
    out.write_all(&checksum(data).to_le_bytes())
}

/// CRC32C, rotated and offset as in TensorFlow: a CRC of data that contains its own CRC is weak.
fn checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_encoded_as_protobuf() {
        let values = vec![Value { tag: "a".into(), scalar: Some(1.0), image: None }];
        let event = Event::summary(1.0, 300, values);
        let bytes = [
            [0x09].as_slice(), // field 1, eight bytes
            &1.0_f64.to_le_bytes(),
            &[0x10, 0xac, 0x02],    // field 2, the number 300
            &[0x2a, 10, 0x0a, 8],   // field 5 of ten bytes, in it field 1 of eight
            &[0x0a, 1, b'a', 0x15], // in that field 1, "a", and field 2, four bytes
            &1.0_f32.to_le_bytes(),
        ];
        assert_eq!(event.encode_to_vec(), bytes.concat());
        let version = [[0x09].as_slice(), &1.0_f64.to_le_bytes(), &[0x1a, 13], b"brain.Event:2"];
        assert_eq!(Event::version(1.0).encode_to_vec(), version.concat());
    }

    #[test]
    fn the_size_and_channels_of_a_preview_are_those_of_its_png() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x18\0\0\0\x1c\x08\x02\0\0\0";
        let event = Event::preview(0.0, 1000, png.to_vec()).unwrap();
        let values = event.summary.unwrap().values;
        let image = values[0].image.as_ref().unwrap();
        assert_eq!((image.width, image.height, image.encoded.len()), (280, 28, png.len()));
        assert_eq!(image.colorspace, 3, "RGB");
        assert_eq!(Event::preview(0.0, 1, png[..20].to_vec()), None);
    }

    #[test]
    fn class_shares_are_tagged_with_the_class_names() {
        let config = serde_json::json!({ "dataset": { "class_names": ["cat"] } });
        let of_classes = ClassQuality { shares: vec![0.75, 0.25], ..ClassQuality::default() };
        let quality = Quality { classes: Some(of_classes), ..Quality::default() };
        let row = MetricsRow { quality: Some(quality), ..MetricsRow::default() };
        let scalars: Vec<_> = scalars(&row, &ClassNames::from_config(&config)).collect();
        assert!(scalars.contains(&("shares/cat".into(), 0.75)), "{scalars:?}");
        assert!(scalars.contains(&("shares/1".into(), 0.25)), "{scalars:?}");
    }

    #[test]
    fn the_crc_is_castagnolis() {
        // The test vectors of RFC 3720, B.4.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&[0xff; 32]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c::crc32c(&rising), 0x46dd_794e);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn records_are_framed_as_tensorboard_expects() {
        let mut out = Vec::new();
        write_record(&mut out, &[0; 32]).unwrap();
        assert_eq!(out.len(), 8 + 4 + 32 + 4);
        assert_eq!(out[..8], [32, 0, 0, 0, 0, 0, 0, 0]);
        // From TensorBoard's masked_crc32c.
        assert_eq!(out[8..12], 0x50a9_ed29_u32.to_le_bytes());
        assert_eq!(out[44..], 0x0fd7_fffa_u32.to_le_bytes());
    }
}
