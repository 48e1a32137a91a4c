//! Every way in which bytes can differ from their layout.

use super::*;

const IMAGES: Layout = Layout::Images(2);
const LABELS: Layout = Layout::Labels(3);

fn images() -> Vec<u8> {
    let mut file = IMAGES.header();
    file.resize(16 + 2 * MNIST_SHAPE.len(), 7);
    file
}

fn labels() -> Vec<u8> {
    [LABELS.header(), vec![0, 9, 5]].concat()
}

fn short(found: usize, expected: usize) -> String {
    format!("it ends after {found} bytes (decompressed); expected {expected}")
}

fn long(expected: usize) -> String {
    format!("it is longer than {expected} bytes (decompressed); expected exactly that length")
}

fn fault(layout: Layout, file: &[u8]) -> String {
    match read_checked(layout, file) {
        Err(ReadError::Content(error)) => error,
        other => panic!("expected an error in the content, got {other:?}"),
    }
}

#[test]
fn a_good_file_is_read_byte_for_byte() {
    for (layout, file) in [(IMAGES, images()), (LABELS, labels())] {
        let body = read_checked(layout, &file[..]).unwrap();
        assert_eq!([layout.header(), body].concat(), file);
        assert_eq!(file.len() as u64, layout.file_len());
    }
}

#[test]
fn the_magic_number_must_be_that_of_the_name() {
    assert_eq!(
        fault(IMAGES, &labels()),
        "it starts with 0x00000801; expected 0x00000803, which marks an IDX file of images \
         (these are labels)"
    );
    assert!(fault(LABELS, &[0x1f, 0x8b, 8, 0]).contains("this is gzip"));
    assert!(fault(LABELS, b"<!doctype html>").contains("web page"));
}

#[test]
fn counts_and_sizes_must_be_the_expected_ones_however_large() {
    for count in [0, 1, 3, u32::MAX] {
        let mut file = images();
        file[4..8].copy_from_slice(&count.to_be_bytes());
        let expected = format!("its header states {count} images; expected 2");
        assert_eq!(fault(IMAGES, &file), expected);
    }
    for (rows, columns) in [(28, 27), (27, 28), (u32::MAX, u32::MAX)] {
        let mut file = images();
        file[8..12].copy_from_slice(&u32::to_be_bytes(rows));
        file[12..16].copy_from_slice(&u32::to_be_bytes(columns));
        let expected =
            format!("its header states images of {columns}x{rows} pixels; expected 28x28");
        assert_eq!(fault(IMAGES, &file), expected);
    }
}

#[test]
fn shorter_and_longer_files_are_refused() {
    for (layout, file) in [(IMAGES, images()), (LABELS, labels())] {
        let expected = file.len();
        for cut in 0..file.len() {
            assert_eq!(fault(layout, &file[..cut]), short(cut, expected));
        }
        assert_eq!(fault(layout, &[file, vec![0]].concat()), long(expected));
    }
}

#[test]
fn an_endless_source_is_not_read_to_its_end() {
    let header = LABELS.header();
    let endless = (&header[..]).chain(io::repeat(1));
    assert_eq!(read_checked(LABELS, endless).unwrap_err().to_string(), long(11));
}

#[test]
fn a_label_above_nine_is_named_by_its_index() {
    let mut file = labels();
    file[9] = 10;
    assert_eq!(fault(LABELS, &file), "label 1 is 10; expected 0 to 9");

    let many = Layout::Labels(200_000);
    let mut file = many.header();
    file.resize(8 + 200_000, 9);
    file[8 + 150_001] = 255;
    assert_eq!(fault(many, &file), "label 150001 is 255; expected 0 to 9");
}

#[test]
fn a_read_that_fails_is_an_io_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    assert!(matches!(read_checked(LABELS, Broken), Err(ReadError::Io(_))));
    let file = labels();
    let later = (&file[..9]).chain(Broken);
    assert!(matches!(read_checked(LABELS, later), Err(ReadError::Io(_))));
}
