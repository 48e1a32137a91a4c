//! IDX files.

use super::*;

#[test]
fn emnist_is_turned_and_qmnist_has_labels_of_several_columns() {
    let labels: Vec<u8> = [4_u32, 9, 5, 8].iter().flat_map(|x| x.to_be_bytes()).collect();
    let dir = folder(&[
        (
            "emnist-letters-train-images-idx3-ubyte",
            idx(8, &[2, 2, 3], &[1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]),
        ),
        (
            "emnist-letters-test-images-idx3-ubyte.gz",
            gzip(&idx(8, &[1, 2, 3], &[1, 2, 3, 4, 5, 6])),
        ),
        ("qmnist-train-images-idx3-ubyte", idx(8, &[2, 2, 3], &[0; 12])),
        ("qmnist-train-labels-idx2-int", idx(12, &[2, 2], &labels)),
    ]);
    assert!(error(dir.path()).contains("several training sets, such as"));
    let letters = opened(dir.path().join("emnist-letters-train-images-idx3-ubyte"));
    assert_eq!(letters.train.shape(), ImageShape::grey(3, 2));
    assert_eq!(letters.train.image(0), [1, 4, 2, 5, 3, 6]);
    assert_eq!(letters.test.image(0), [1, 4, 2, 5, 3, 6]);
    assert!(letters.found.iter().any(|(_, text)| text.contains("turned")));
    let digits = opened(dir.path().join("qmnist-train-images-idx3-ubyte"));
    assert_eq!(digits.train.class_names(), ["4", "5"]);
}

#[test]
fn folders_and_hidden_files_with_the_names_of_files_are_passed_over() {
    // As Kaggle's archive is unpacked, and as macOS copies files.
    let dir = folder(&[
        ("train-images-idx3-ubyte/train-images-idx3-ubyte", Vec::new()),
        ("train-labels-idx1-ubyte/train-labels-idx1-ubyte", Vec::new()),
        ("._train-images-idx3-ubyte", vec![0]),
        ("train-images.idx3-ubyte", idx(8, &[2, 2, 2], &[9; 8])),
        ("train-labels.idx1-ubyte", idx(8, &[2], &[4, 5])),
    ]);
    assert_eq!(opened(dir.path()).train.class_names(), ["4", "5"]);
    let array = npy("|u1", false, "2, 2, 2", &[9; 8]);
    let dir = folder(&[("a.npy", array), ("._a.npy", vec![0])]);
    assert_eq!(opened(dir.path()).held_out, Some(1));
    let labels = read_labels(dir.path(), 1).unwrap_err().to_string();
    assert!(labels.ends_with("it is a folder; expected a regular file"), "{labels}");
}
