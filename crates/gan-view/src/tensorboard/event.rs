//! The messages in an event file, as far as they are used here.
//!
//! Field numbers are those of TensorFlow's `event.proto` and `summary.proto`.

use gan_run::{MetricsRow, Quality};
use prost::Message;

/// What a reader wants to see first in a file.
const VERSION: &str = "brain.Event:2";
/// `Image.colorspace` of grey pictures.
const GREY: i32 = 1;

/// One record of a file.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// Epochs done.
    #[prost(int64, tag = "2")]
    pub step: i64,
    #[prost(oneof = "What", tags = "3, 5")]
    pub what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
}

#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

/// A curve's name, and what it has at this step.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    #[prost(string, tag = "1")]
    pub tag: String,
    #[prost(oneof = "Shown", tags = "2, 4")]
    pub shown: Option<Shown>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Shown {
    #[prost(float, tag = "2")]
    Scalar(f32),
    #[prost(message, tag = "4")]
    Image(Image),
}

#[derive(Clone, PartialEq, Message)]
pub struct Image {
    #[prost(int32, tag = "1")]
    pub height: i32,
    #[prost(int32, tag = "2")]
    pub width: i32,
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    /// A PNG.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded: Vec<u8>,
}

impl Event {
    /// A file's first record.
    pub fn version(wall_time: f64) -> Self {
        Self { wall_time, step: 0, what: Some(What::FileVersion(VERSION.into())) }
    }

    /// All numbers of a row.
    pub fn row(wall_time: f64, row: &MetricsRow) -> Self {
        let value = |(tag, scalar)| Value { tag, shown: Some(Shown::Scalar(scalar)) };
        Self::summary(wall_time, row.epoch, scalars(row).into_iter().map(value).collect())
    }

    /// A row of digits; none if the bytes are no PNG.
    pub fn picture(wall_time: f64, epoch: u64, png: Vec<u8>) -> Option<Self> {
        let [width, height] = png_size(&png)?;
        let image = Image { height, width, colorspace: GREY, encoded: png };
        let value = Value { tag: "samples".into(), shown: Some(Shown::Image(image)) };
        Some(Self::summary(wall_time, epoch, vec![value]))
    }

    fn summary(wall_time: f64, epoch: u64, values: Vec<Value>) -> Self {
        // An epoch is far below 2^63.
        Self { wall_time, step: epoch.cast_signed(), what: Some(What::Summary(Summary { values })) }
    }
}

/// The curves that a row has a point on, under its own names. Those with a common part before the slash are shown
/// together.
fn scalars(row: &MetricsRow) -> Vec<(String, f32)> {
    // Taken apart, so that a new field is not forgotten here.
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
        finding: _,
        seconds: _,
    } = row;
    let mut scalars = vec![
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
            precision,
            recall,
            density,
            coverage,
            score,
            confidence,
            diversity,
            shares,
            missing,
        } = quality;
        for (name, value) in [
            ("frechet", *frechet),
            ("precision", *precision),
            ("recall", *recall),
            ("density", *density),
            ("coverage", *coverage),
            ("score", *score),
            ("confidence", *confidence),
            ("diversity", *diversity),
            ("missing", missing.len() as f64),
        ] {
            scalars.push((format!("quality/{name}"), value as f32));
        }
        for (class, share) in shares.iter().enumerate() {
            scalars.push((format!("shares/{class}"), *share as f32));
        }
    }
    scalars
}

/// Width and height in a PNG's header, which is always its first chunk.
fn png_size(png: &[u8]) -> Option<[i32; 2]> {
    let sizes = png.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let size = |at| {
        let bytes = sizes.get(at..at + 4)?.try_into().ok()?;
        i32::try_from(u32::from_be_bytes(bytes)).ok()
    };
    Some([size(0)?, size(4)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_bytes_that_protobuf_gives_it() {
        let values = vec![Value { tag: "a".into(), shown: Some(Shown::Scalar(1.0)) }];
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
    fn a_picture_s_size_is_that_of_its_png() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x18\0\0\0\x1c\x08\0\0\0\0";
        let event = Event::picture(0.0, 1000, png.to_vec()).unwrap();
        let Some(What::Summary(Summary { values })) = event.what else { panic!("no summary") };
        let Some(Shown::Image(image)) = &values[0].shown else { panic!("no picture") };
        assert_eq!((image.width, image.height, image.encoded.len()), (280, 28, png.len()));
        for cut in 0..24 {
            assert_eq!(Event::picture(0.0, 1, png[..cut].to_vec()), None, "{cut} bytes");
        }
    }
}
