//! The frame around each record of an event file.
//!
//! ```text
//! u64  length of the data, little-endian
//! u32  checksum of those eight bytes
//! …    the data
//! u32  checksum of the data
//! ```

use std::io::{self, Write};

/// Writes one record.
///
/// # Errors
/// When `out` refuses.
pub fn write(out: &mut impl Write, data: &[u8]) -> io::Result<()> {
    let length = (data.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&checksum(&length).to_le_bytes())?;
    out.write_all(data)?;
    out.write_all(&checksum(data).to_le_bytes())
}

/// CRC32C, turned and shifted: data often hold checksums themselves, and the CRC of something
/// with its own CRC in it is no good one.
fn checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // The test vectors of RFC 3720, B.4.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&[0xff; 32]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c::crc32c(&rising), 0x46dd_794e);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_frame_is_the_one_that_tensorboard_expects() {
        let mut out = Vec::new();
        write(&mut out, &[0; 32]).unwrap();
        assert_eq!(out.len(), 8 + 4 + 32 + 4);
        assert_eq!(out[..8], [32, 0, 0, 0, 0, 0, 0, 0]);
        // As TensorBoard's masked_crc32c gives them.
        assert_eq!(out[8..12], 0x50a9_ed29_u32.to_le_bytes());
        assert_eq!(out[44..], 0x0fd7_fffa_u32.to_le_bytes());
    }
}
