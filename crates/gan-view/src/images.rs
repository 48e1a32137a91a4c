//! The PNG files of a run.

use std::path::Path;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Larger files are ignored: a row of ten samples of MNIST takes some kilobytes, a grid of two hundred
/// 256x256 RGB images up to 39 MB.
pub const MAX_FILE: u64 = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PngHeader {
    pub width: u32,
    pub height: u32,
    /// As in the file: 0 is grey, 2 is RGB, 3 a palette, 4 grey with alpha, 6 RGBA.
    pub colour_type: u8,
}

/// Reads a PNG file as it is; `None` if it is too large or not a PNG.
pub fn read_png(path: &Path) -> Option<Vec<u8>> {
    gan_run::read_limited(path, MAX_FILE).ok().filter(|bytes| bytes.starts_with(SIGNATURE))
}

/// The header of a PNG, which is always its first chunk.
pub fn png_header(png: &[u8]) -> Option<PngHeader> {
    let header = png.strip_prefix(SIGNATURE)?.strip_prefix(b"\0\0\0\rIHDR")?;
    let size = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    Some(PngHeader { width: size(0)?, height: size(4)?, colour_type: *header.get(9)? })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_png_within_the_size_limit_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        assert_eq!(read_png(&path), None);
        fs::write(&path, "<svg onload=alert(1)>").unwrap();
        assert_eq!(read_png(&path), None);
        fs::write(&path, [SIGNATURE, b"rest"].concat()).unwrap();
        assert!(read_png(&path).is_some());
        fs::File::options().write(true).open(&path).unwrap().set_len(MAX_FILE + 1).unwrap();
        assert_eq!(read_png(&path), None);
    }

    #[test]
    fn the_header_has_the_size_and_the_colour_type() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x18\0\0\0\x1c\x08\x02\0\0\0";
        let expected = PngHeader { width: 280, height: 28, colour_type: 2 };
        assert_eq!(png_header(png), Some(expected));
        for cut in 0..26 {
            assert_eq!(png_header(&png[..cut]), None, "{cut} bytes");
        }
    }
}
