//! Zip archives of images.

use super::*;

#[test]
fn archives_are_read_in_memory_and_odd_ones_are_refused() {
    let json = br#"{"labels": [["x/1.png", 4], ["x/0.png", 2]]}"#.to_vec();
    let dir = folder(&[
        (
            "labelled.zip",
            zip(&[("x/0.png", grey(1)), ("x/1.png", grey(2)), ("dataset.json", json)]),
        ),
        (
            "null.zip",
            zip(&[
                ("0.png", grey(1)),
                ("1.png", grey(2)),
                ("dataset.json", b"{\"labels\": null}".to_vec()),
            ]),
        ),
        ("less.zip", zip(&[("0.png", grey(1)), ("dataset.json", b"{\"labels\": []}".to_vec())])),
        ("wrong.zip", zip(&[("0.png", grey(1)), ("dataset.json", b"{\"labels\": 3}".to_vec())])),
        ("climbs.zip", zip(&[("../0.png", grey(1))])),
        ("empty.zip", zip(&[])),
        (
            "bomb.zip",
            zip(&[("0.png", vec![0; (decode::MAX_FILE + 1) as usize]), ("1.png", grey(1))]),
        ),
        (
            "foreign.zip",
            zip(&[
                ("./x/0.png", grey(1)),
                ("./y/1.png", grey(2)),
                ("./features.npy", npy("|u1", false, "2, 2, 2", &[0; 8])),
                ("./dataset.json", b"{\"name\": 3}".to_vec()),
            ]),
        ),
        ("other.zip", zip(&[("a.npy", npy("|u1", false, "3,", &[1, 2, 3]))])),
    ]);
    let at = |name: &str| dir.path().join(name);
    let found = opened(at("labelled.zip"));
    assert_eq!(found.train.class_names(), ["2", "4"]);
    assert_eq!(opened(at("null.zip")).train.labels(), None);
    assert_eq!(opened(at("foreign.zip")).train.class_names(), ["x", "y"]);
    assert!(error(at("less.zip")).contains("dataset.json has no label for 0.png"));
    assert!(error(at("wrong.zip")).contains("its dataset.json cannot be read"));
    assert!(error(at("climbs.zip")).contains("../0.png in it leads out of the archive"));
    assert!(error(at("empty.zip")).contains("empty.zip"));
    assert!(error(at("bomb.zip")).contains("0.png: it is too long; expected at most"));
    assert!(error(at("other.zip")).contains("none of its arrays has images (a.npy)"));
    assert!(error(dir.path()).contains("one file; give it instead of the folder"));
    // Bytes after which an entry repeats: the central directory names one file twice.
    let mut overlap = zip(&[("0.png", grey(1)), ("1.png", grey(2))]);
    let second = overlap.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    overlap[second + 42..second + 46].copy_from_slice(&[0; 4]);
    fs::write(at("overlap.zip"), overlap).unwrap();
    assert!(error(at("overlap.zip")).contains("overlap.zip"));
}
