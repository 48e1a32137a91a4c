//! Rows of digits, as they lie in a run.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// What every PNG begins with.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A row of digits has some kilobytes; what is larger than this is none of ours.
const LARGEST: u64 = 512 * 1024;

/// A PNG's bytes as they are, if it is one of a size that belongs into a page.
#[must_use]
pub fn read(path: &Path) -> Option<Vec<u8>> {
    let size = fs::metadata(path).ok()?.len();
    if size > LARGEST {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
    bytes.starts_with(PNG).then_some(bytes)
}

/// At most `most` of them, evenly, the first and the last among them.
#[must_use]
pub fn evenly<T: Clone>(all: &[T], most: usize) -> Vec<T> {
    match (all, most) {
        ([], _) | (_, 0) => Vec::new(),
        (all, most) if all.len() <= most => all.to_vec(),
        ([.., last], 1) => vec![last.clone()],
        (all, most) => (0..most).map(|at| all[at * (all.len() - 1) / (most - 1)].clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends() {
        let all: Vec<usize> = (0..100_000).collect();
        let few = evenly(&all, 75);
        assert_eq!((few.len(), few[0], few[74]), (75, 0, 99_999));
        assert!(few.is_sorted());
        assert_eq!(evenly(&[1, 2, 3], 75), [1, 2, 3]);
        assert_eq!(evenly(&[1, 2, 3], 1), [3]);
        assert_eq!(evenly(&[0; 0], 5), [0; 0]);
    }

    #[test]
    fn only_a_png_of_a_sane_size_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        assert_eq!(read(&path), None);
        fs::write(&path, "<svg onload=alert(1)>").unwrap();
        assert_eq!(read(&path), None);
        fs::write(&path, [PNG, b"rest"].concat()).unwrap();
        assert!(read(&path).is_some());
        fs::write(&path, [PNG, &vec![0; LARGEST as usize]].concat()).unwrap();
        assert_eq!(read(&path), None);
    }
}
