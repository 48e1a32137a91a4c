//! Folders of images.

use super::*;

#[test]
fn folders_are_classes_in_natural_order_and_mixed_ones_are_refused() {
    let dir = folder(&[
        ("10/b.png", grey(4)),
        ("2/10.png", grey(3)),
        ("2/9.PNG", grey(2)),
        ("1/deeper/x.png", grey(1)),
        ("1/.hidden.png", grey(9)),
        ("__MACOSX/1.png", grey(9)),
        ("1/notes.txt", Vec::new()),
    ]);
    let (shape, pixels, _) = all(dir.path(), ImageOptions::default());
    assert_eq!(
        (shape, pixels.iter().step_by(6).copied().collect::<Vec<_>>()),
        (ImageShape::grey(2, 3), vec![1, 2, 3, 4])
    );
    let found = opened(dir.path());
    assert_eq!(found.train.class_names(), ["1", "2", "10"]);

    fs::write(dir.path().join("beside.png"), grey(5)).unwrap();
    assert!(
        error(dir.path())
            .contains("it has images in subfolders and beside them, such as beside.png")
    );
    let empty = folder(&[
        ("cats/0.png", grey(1)),
        ("dogs/0.png", grey(1)),
        ("birds/notes.txt", Vec::new()),
    ]);
    let found = opened(empty.path());
    assert_eq!(found.train.class_names(), ["cats", "dogs"]);
    assert!(found.found.iter().any(|(_, text)| text == "no images in the folder birds"));
    let nothing = folder(&[("notes.txt", Vec::new())]);
    assert!(error(nothing.path()).contains("the folder has no images; expected IDX files"));
    let other = folder(&[("logo.svg", Vec::new())]);
    assert!(error(other.path()).contains("its images are 1 .svg; expected PNG"));
    fs::write(other.path().join("train.csv"), "9,2,3,4\n9,2,3,5\n").unwrap();
    assert_eq!(opened(other.path()).train.shape(), ImageShape::grey(2, 2));
    // Tables beside images only describe them.
    let described =
        folder(&[("0.png", grey(1)), ("1.png", grey(1)), ("labels.csv", "a,b\n".into())]);
    assert_eq!(opened(described.path()).held_out, Some(1));
    let case = folder(&[
        ("Cat/0.png", grey(1)),
        ("cat/0.png", grey(2)),
        ("cat/A.png", grey(3)),
        ("cat/a.PNG", grey(4)),
    ]);
    let found = opened(case.path());
    assert_eq!(found.train.len() + found.test.len(), 4);
    assert!(
        found.found.iter().any(|(_, text)| text.contains("differ only in upper and lower case"))
    );
}

#[cfg(unix)]
#[test]
fn links_in_circles_pipes_and_odd_names_do_no_harm() {
    use std::os::unix::fs::symlink;
    let dir = folder(&[("a/0.png", grey(1)), ("b\nc/1.png", grey(2)), ("d/2.png", grey(3))]);
    symlink(dir.path(), dir.path().join("a/up")).unwrap();
    symlink(dir.path().join("a"), dir.path().join("a/own")).unwrap();
    symlink(dir.path().join("d/2.png"), dir.path().join("d/3.png")).unwrap();
    let found = opened(dir.path());
    assert_eq!(found.train.len() + found.test.len(), 4);
    assert_eq!(found.train.class_names(), ["a", "b\\nc", "d"]);

    symlink("nowhere", dir.path().join("d/4.png")).unwrap();
    assert!(error(dir.path()).contains("4.png"));
    fs::remove_file(dir.path().join("d/4.png")).unwrap();
    let pipe = dir.path().join("b\nc/5.png");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = error(dir.path());
    assert!(
        error.contains("b\\nc/5.png: it is a pipe or a device; expected a regular file"),
        "{error}"
    );
}

#[test]
fn a_broken_image_is_named_or_left_out() {
    let dir = folder(&[
        ("a/0.png", grey(1)),
        ("a/1.png", b"no image".to_vec()),
        ("b/2.png", grey(2)),
        ("b/3.png", grey(3)[..40].to_vec()),
    ]);
    let error = error(dir.path());
    assert!(error.contains("1.png: it is no image that can be read"), "{error}");
    assert!(error.ends_with("or leave such out with --skip-broken"), "{error}");
    let options = ImageOptions { skip_broken: true, ..ImageOptions::default() };
    let found = open(&Source { path: dir.path().into(), options }, &|_| ()).unwrap();
    assert_eq!(found.train.len() + found.test.len(), 2);
    assert_eq!([found.train.labels(), found.test.labels()].concat_len(), 2);
    assert!(found.found.iter().any(|(_, text)| text.starts_with("2 images that cannot be read")));
    let none = folder(&[("1.png", b"no image".to_vec())]);
    let error = open(&Source { path: none.path().into(), options }, &|_| ()).unwrap_err();
    assert!(error.to_string().contains("none of its 1 images can be read"));
}

trait ConcatLen {
    fn concat_len(&self) -> usize;
}

impl ConcatLen for [Option<&[u16]>; 2] {
    fn concat_len(&self) -> usize {
        self.iter().flatten().map(|labels| labels.len()).sum()
    }
}

#[test]
fn every_cut_and_flip_of_an_image_is_an_error_that_names_it_or_an_image() {
    let colours = RgbImage::from_fn(6, 5, |x, y| image::Rgb([40 * x as u8, 50 * y as u8, 7]));
    for (format, ending) in [
        (ImageFormat::Png, "png"),
        (ImageFormat::Jpeg, "jpg"),
        (ImageFormat::Bmp, "bmp"),
        (ImageFormat::Gif, "gif"),
        (ImageFormat::WebP, "webp"),
    ] {
        let file = encoded(colours.clone(), format);
        let name = format!("b.{ending}");
        let dir =
            folder(&[("a.png", encoded(colours.clone(), ImageFormat::Png)), (&name, file.clone())]);
        assert_eq!(opened(dir.path()).train.shape().to_string(), "6x5x3");
        for change in 0..file.len() {
            for (what, bytes) in [
                ("cut", file[..change].to_vec()),
                ("flipped", {
                    let mut flipped = file.clone();
                    flipped[change] ^= 1 << (change % 8);
                    flipped
                }),
            ] {
                fs::write(dir.path().join(&name), bytes).unwrap();
                let opened = open(&source(dir.path()), &|_| ());
                assert!(opened.is_err() || what != "cut" || ending != "jpg", "{change}");
                if let Err(error) = opened {
                    let error = error.to_string();
                    assert!(
                        error.contains(&name) || error.contains("sizes"),
                        "{what} {change}: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn test_images_of_another_size_are_refused_without_a_size() {
    let other = encoded(GrayImage::new(4, 2), ImageFormat::Png);
    let dir = folder(&[("train/0.png", grey(1)), ("test/0.png", other)]);
    let text = error(dir.path());
    assert!(text.contains("its test images are of 4x2; expected 3x2, as"), "{text}");
    let options = ImageOptions { size: Some([3, 3]), ..ImageOptions::default() };
    assert_eq!(all(dir.path(), options).1.len(), 18);
}
