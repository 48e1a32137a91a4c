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
    assert_eq!(read("5,0,255,7,8\n5,1,2,3,8\n").unwrap().2, ["5"]);
    assert_eq!(read("0,255,7,8\r\n1,2,3,4").unwrap().2, [""; 0]);
    let last = read("\"1x1\",\"1x2\",\"1x3\",\"1x4\",\"class\"\n0,1.0,2,3,9\n0,1,2,3,8\n").unwrap();
    assert_eq!(last.2, ["8", "9"]);
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert!(error("9,2,3,4\n1,2,3\n").contains("line 2 has 3 columns; expected 4"));
    assert!(
        error("9,2,3,4\n1,2,3,256\n")
            .contains("line 2, column 4 is \"256\"; expected a whole number, 0 to 255")
    );
    assert!(error("9,2,3,4\n1,2,3,0.5\n").contains("column 4 is \"0.5\""));
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

/// The images of a table, their labels, and the notes.
type Table = (Vec<u8>, Vec<u32>, Vec<String>);

fn table(text: &str) -> Result<Table, String> {
    let dir = folder(&[("mine.csv", text.into())]);
    let path = dir.path().join("mine.csv");
    let split = read(&source(path), None, &|_| ()).map_err(|error| error.to_string())?;
    Ok((split.train.pixels, split.train.labels.unwrap_or_default(), split.notes.others))
}

#[test]
fn of_several_tables_the_one_called_train_is_read() {
    let file = |value: u8| format!("9,2,3,{value}\n9,2,3,{value}\n").into_bytes();
    let several = folder(&[("a.csv", file(1)), ("b.csv", file(2)), ("._c.csv", file(3))]);
    let text = error(several.path());
    assert!(text.contains("a.csv and ") && text.contains("b.csv; expected one file"), "{text}");
    fs::write(several.path().join("b-TRAIN.csv"), file(4)).unwrap();
    // The same table in gzip, and a folder.
    fs::write(several.path().join("b-TRAIN.csv.gz"), gzip(&file(5))).unwrap();
    fs::create_dir(several.path().join("train.csv")).unwrap();
    assert_eq!(opened(several.path()).train.image(0), [9, 2, 3, 4]);
    fs::write(several.path().join("train2.csv"), file(1)).unwrap();
    assert!(error(several.path()).contains("give it instead of the folder"));
}

#[test]
fn the_table_of_test_images_may_be_in_gzip_and_in_upper_case() {
    let file = b"9,2,3,4\n9,2,3,5\n".to_vec();
    for [train, test] in [
        ["train.csv", "test.csv.gz"],
        ["train.csv.gz", "test.csv"],
        ["Train.csv", "TEST.CSV"],
        ["mnist_TRAIN.csv", "mnist_test.csv"],
    ] {
        let compressed = |name: &str| {
            (name.to_owned(), if name.ends_with("gz") { gzip(&file) } else { file.clone() })
        };
        let files = [compressed(train), compressed(test)];
        let dir = folder(&files.each_ref().map(|(name, file)| (&name[..], file.clone())));
        for path in [dir.path().to_owned(), dir.path().join(train)] {
            let found = opened(path);
            assert_eq!((found.train.len(), found.held_out), (2, None), "{train} {test}");
        }
    }
}

#[test]
fn a_first_line_with_a_broken_number_is_no_header() {
    let error = |text| table(text).unwrap_err();
    assert!(error("1,x,3,4\n5,6,7,8\n5,6,7,8\n").contains("line 1, column 2 is \"x\"; expected a"));
    assert!(error("1,,3,4\n5,6,7,8\n5,6,7,8\n").contains("line 1, column 2 is \"\""));
    assert!(error("0.5,-1,3,4\n5,6,7,8\n5,6,7,8\n").contains("line 1, column 1 is \"0.5\""));
    assert!(error("cat,9,9,3,4\n0,5,6,7,8\n").contains("line 1, column 1 is \"cat\""));
}

#[test]
fn numbered_columns_are_a_header() {
    let pixels = vec![9, 2, 3, 4, 5, 6, 7, 8];
    for header in ["0,1,2,3", "1,2,3,4"] {
        let found = table(&format!("{header}\n9,2,3,4\n5,6,7,8\n")).unwrap();
        assert_eq!(found.0, pixels, "{header}");
    }
    let found = table("label,0,1,2,3\n3,9,2,3,4\n5,5,6,7,8\n").unwrap();
    assert_eq!((found.0, found.1), (pixels.clone(), vec![3, 5]));
    let found = table("0,1,2,3,4\n3,9,2,3,4\n5,5,6,7,8\n").unwrap();
    assert_eq!((found.0, found.1), (pixels.clone(), vec![3, 5]));
    // pandas' index.
    let found = table(",0,1,2,3\n0,9,2,3,4\n1,5,6,7,8\n").unwrap();
    assert_eq!((found.0, found.2), (pixels, vec!["column 1 is not used".into()]));
}

#[test]
fn columns_that_are_neither_pixels_nor_labels_are_left_out() {
    let (pixels, none) = (vec![9, 2, 3, 4, 5, 6, 7, 8], Vec::new());
    let classes = vec![3, 5];
    let found = table("ImageId,a,b,c,d\n1,9,2,3,4\n2,5,6,7,8\n").unwrap();
    assert_eq!(found, (pixels.clone(), none, vec!["column ImageId is not used".into()]));
    let text = "id,a,b,Label,c,d,Usage\n70000,9,2,3,3,4,Train\n70001,5,6,5,7,8,Test\n";
    let notes = vec!["columns id, Usage are not used".to_owned()];
    assert_eq!(table(text).unwrap(), (pixels.clone(), classes.clone(), notes));
    // The first column that is left is the label.
    let found = table("index,digit,a,b,c,d\n0,3,9,2,3,4\n1,5,5,6,7,8\n").unwrap();
    assert_eq!((found.0, found.1), (pixels, classes));
    let error = table("id,a,b,c\n1,2,3,4\n5,6,7,8\n").unwrap_err();
    assert!(
        error.contains("it has 4 columns, column id is not used; expected a square"),
        "{error}"
    );
}

#[test]
fn labels_that_seem_to_be_last_need_a_header() {
    let rows = "0,1,2,3,7\n0,4,5,6,8\n";
    let error = table(rows).unwrap_err();
    assert!(error.contains("its labels are probably in the last column"), "{error}");
    assert!(error.contains("calls the column of labels `label`"), "{error}");
    let found = table(&format!("a,b,c,d,label\n{rows}")).unwrap();
    assert_eq!((found.0, found.1), (vec![0, 1, 2, 3, 0, 4, 5, 6], vec![7, 8]));
    // One class, named.
    assert_eq!(table(&format!("label,a,b,c,d\n{rows}")).unwrap().1, [0, 0]);
}

#[test]
fn errors_about_tables_show_little_of_a_line() {
    let long = "z".repeat(2000);
    let error = table(&format!("9,2,3,4\n5,{long},7,8\n")).unwrap_err();
    assert!(error.ends_with("is \"zzzzzzzzzzzzzzzzzzzz\"; expected a whole number, 0 to 255"));
    for separator in [";", "\t"] {
        let row = ["7"; 785].join(separator);
        let error = table(&format!("{row}\n{row}\n")).unwrap_err();
        assert!(error.ends_with("expected columns that are separated by commas"), "{error}");
        assert!(error.len() < 300, "{error}");
    }
}
