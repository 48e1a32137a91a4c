//! Tables of text.

use super::*;

#[test]
fn tables_are_read_with_a_header_or_without_and_their_faults_are_named() {
    let read = |text: &str| {
        let dir = folder(&[("mine.csv", text.into())]);
        let path = dir.path().join("mine.csv");
        open(&source(path), &|_| ()).map(|opened| {
            let all = [opened.train.images(), opened.test.images()].concat();
            (opened.train.shape().to_string(), all.len(), opened.train.class_names().to_vec())
        })
    };
    let found = read("label,pixel0,pixel1,pixel2,pixel3\n5,0,255,7,8\n6,1,2,3,4\n").unwrap();
    assert_eq!(found, ("2x2".into(), 8, vec!["5".into(), "6".into()]));
    assert_eq!(read("5,0,255,7,8\n5,1,2,3,4\n").unwrap().2, ["5"]);
    assert_eq!(read("0,255,7,8\r\n1,2,3,4").unwrap().2, [""; 0]);
    let last = read("\"1x1\",\"1x2\",\"1x3\",\"1x4\",\"class\"\n0,1.0,2,3,9\n0,1,2,3,8\n").unwrap();
    assert_eq!(last.2, ["8", "9"]);
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert!(error("1,2,3,4\n1,2,3\n").contains("line 2 has 3 columns; expected 4"));
    assert!(
        error("1,2,3,4\n1,2,3,256\n")
            .contains("line 2, column 4 is \"256\"; expected a whole number, 0 to 255")
    );
    assert!(error("1,2,3,4\n1,2,3,0.5\n").contains("column 4 is \"0.5\""));
    assert!(error("1,2,3\n").contains("it has 3 columns; expected a square"));
    assert!(error("").contains("it has no rows"));
    assert!(error("a,b,c,d\n").contains("it has no rows"));
    let training = folder(&[
        ("train.csv", "label,a,b,c,d\n0,1,2,3,4\n1,1,2,3,4\n".into()),
        ("test.csv", "a,b,c,d\n1,2,3,4\n".into()),
    ]);
    let found = opened(training.path());
    assert_eq!((found.test.len(), found.test.labels(), found.held_out), (1, None, None));
}
