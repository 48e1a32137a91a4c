//! Decodes the tensors of a file: only finite floats of one type reach Burn.

use burn::store::ModuleRecord;
use burn::tensor::{Bytes, DType};
use burn_pack::Reader;

/// Decodes burnpack bytes whose tensors are all of the type `expected`, `F32` or `F16`, and finite.
///
/// # Errors
/// Names the first tensor that is not, or says why the bytes cannot be decoded.
pub fn record(bytes: Vec<u8>, expected: DType) -> Result<ModuleRecord, String> {
    // The bytes that are checked are those that are loaded.
    let bytes = Bytes::from_bytes_vec(bytes).shared();
    let garbled = |error: burn_pack::Error| error.to_string();
    let reader = Reader::from_bytes(bytes.clone()).map_err(garbled)?;
    for tensor in reader.into_tensors().map_err(garbled)? {
        let (name, found, _, _, bytes) = tensor.into_parts().map_err(garbled)?;
        if found != expected {
            return Err(format!("its tensor {name:?} is of type {found:?}, expected {expected:?}"));
        }
        if !is_finite(&bytes, expected) {
            return Err(format!("its tensor {name:?} has numbers that are infinite or NaN"));
        }
    }
    ModuleRecord::from_bytes(bytes).map_err(|error| error.to_string())
}

/// Whether little-endian floats are all finite: an exponent of ones is none or infinite.
pub(super) fn is_finite(bytes: &[u8], kind: DType) -> bool {
    match kind {
        DType::F16 => {
            let mut numbers = bytes.as_chunks().0.iter().map(|x| u16::from_le_bytes(*x));
            numbers.all(|x| x & 0x7c00 != 0x7c00)
        }
        DType::F32 => {
            let mut numbers = bytes.as_chunks().0.iter().map(|x| u32::from_le_bytes(*x));
            numbers.all(|x| x & 0x7f80_0000 != 0x7f80_0000)
        }
        _ => false,
    }
}
