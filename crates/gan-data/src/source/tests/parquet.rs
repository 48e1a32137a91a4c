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
