//! Parquet, with its feature and without.

use super::*;

/// A table that `PyArrow` wrote, of two images with labels.
const TABLE: &[u8] = include_bytes!("../../../../../fuzz/corpus/parquet/mnist");

#[test]
fn a_table_of_encoded_images_is_read_with_the_feature_and_named_without() {
    let dir = folder(&[
        ("mnist/train-00000-of-00001.parquet", TABLE[1..].to_vec()),
        ("mnist/test-00000-of-00001.parquet", TABLE[1..].to_vec()),
    ]);
    for path in [dir.path().to_owned(), dir.path().join("mnist/train-00000-of-00001.parquet")] {
        let opened = open(&source(path), &|_| ());
        if cfg!(feature = "parquet") {
            let Opened { train, test, held_out, .. } = opened.unwrap();
            assert_eq!(train.class_names(), ["3", "7"]);
            let all = if held_out.is_some() { 1 } else { 2 };
            assert_eq!((train.len(), test.len()), (all, all));
            assert_eq!(train.image(0), if all == 1 { [200; 6] } else { [9; 6] });
        } else {
            let error = opened.unwrap_err().to_string();
            assert!(
                error.contains("it is a Parquet file; expected a program built with"),
                "{error}"
            );
        }
    }
    // The crate panics on this one.
    let damaged = include_bytes!("../../../../../fuzz/corpus/parquet/panic");
    let path = dir.path().join("damaged.parquet");
    fs::write(&path, &damaged[1..]).unwrap();
    assert!(error(&path).contains("damaged.parquet"));
    for cut in (0..TABLE.len() - 1).step_by(7) {
        fs::write(dir.path().join("mnist/test-00000-of-00001.parquet"), &TABLE[1..=cut]).unwrap();
        assert!(error(dir.path()).contains(".parquet"));
    }
}

#[test]
#[cfg(feature = "parquet")]
fn one_row_without_a_label_is_an_error() {
    let table = include_bytes!("../../../../../fuzz/corpus/parquet/unlabelled");
    let dir = folder(&[("mine.parquet", table[1..].to_vec())]);
    let error = error(dir.path().join("mine.parquet"));
    assert!(error.contains("row 1 has no label, where rows before have some"), "{error}");
}

#[test]
fn tables_are_sorted_into_training_and_tests_by_their_names_and_folders() {
    let found = |names: &[&str]| {
        let dir = folder(&names.iter().map(|name| (*name, Vec::new())).collect::<Vec<_>>());
        let name = |path: PathBuf| {
            path.strip_prefix(dir.path()).unwrap().to_str().unwrap().replace('\\', "/")
        };
        let found = tables::find(dir.path()).unwrap();
        found.map(|parts| parts.map(|part| part.into_iter().map(name).collect::<Vec<_>>()))
    };
    let some = |train: &[&str], test: &[&str]| {
        Some([train, test].map(|names| names.iter().map(|&name| name.to_owned()).collect()))
    };
    let files = ["validation/0.parquet", "train/1.parquet", "train/0.parquet", "test/0.parquet"];
    assert_eq!(found(&files), some(&["train/0.parquet", "train/1.parquet"], &["test/0.parquet"]));
    assert_eq!(found(&files[..3]), some(&["train/0.parquet", "train/1.parquet"], &[files[0]]));
    let files = ["data/Test-0.parquet", "data/train-0.parquet", "notes.txt"];
    assert_eq!(found(&files), some(&[files[1]], &[files[0]]));
    let files = ["a.parquet", "b.parquet", "test.parquet", "more/train.parquet"];
    assert_eq!(found(&files), some(&files[..2], &files[2..3]));
    assert_eq!(found(&["notes.txt"]), None);
}
