//! Images as single files, in a folder or an archive, with a subfolder for each class or none.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gan_core::FileError;
use serde::Deserialize;

use super::archive::Archive;
use super::collect::{Collect, Encoded, skipped_note};
use super::decode::{MAX_FILE, is_image};
use super::error::{Fault, SourceError, one_line, shown};
use super::idx::open_regular;
use super::part::{Notes, Part, Split};

/// How deep folders may be in one another.
const MAX_DEPTH: usize = 32;
/// The most classes, and the most characters of a class's name.
const MAX_CLASSES: usize = 1000;
const MAX_NAME: usize = 60;
/// `StyleGAN`'s file of labels, and the most bytes of it.
const LABELS: &str = "dataset.json";
const MAX_LABELS: u64 = 1 << 28;

const TRAIN: [&str; 2] = ["train", "training"];
const TEST: [&str; 7] = ["test", "testing", "t10k", "val", "valid", "validation", "eval"];

/// Files by their names, which have slashes between folders.
struct Files {
    names: Vec<String>,
    content: Content,
}

enum Content {
    Folder(Vec<PathBuf>),
    Archive { path: PathBuf, archive: Mutex<Archive>, indices: Vec<usize> },
}

impl Files {
    /// The file called `name`, which is no image.
    fn read_named(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, SourceError> {
        match &self.content {
            Content::Folder(_) => {
                let path = path.join(name);
                if !path.exists() {
                    return Ok(None);
                }
                read_file(&path, MAX_LABELS).map(Some)
            }
            Content::Archive { path, archive, .. } => {
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let found = archive.names().iter().position(|found| {
                    found == name
                        || found.strip_suffix(name).is_some_and(|front| front.ends_with('/'))
                });
                let Some(index) = found else { return Ok(None) };
                read_entry(&mut archive, path, index, MAX_LABELS).map(Some)
            }
        }
    }
}

/// Some of the files.
struct Chosen<'a> {
    files: &'a Files,
    indices: Vec<usize>,
}

impl Encoded for Chosen<'_> {
    fn count(&self) -> usize {
        self.indices.len()
    }

    fn place(&self, index: usize) -> String {
        let index = self.indices[index];
        match &self.files.content {
            Content::Folder(paths) => shown(&paths[index]),
            Content::Archive { path, .. } => {
                format!("{}: {}", shown(path), one_line(&self.files.names[index]))
            }
        }
    }

    fn read(&self, index: usize) -> Result<Vec<u8>, SourceError> {
        let index = self.indices[index];
        match &self.files.content {
            Content::Folder(paths) => read_file(&paths[index], MAX_FILE),
            Content::Archive { path, archive, indices } => {
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                read_entry(&mut archive, path, indices[index], MAX_FILE)
            }
        }
    }
}

fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, SourceError> {
    let file = open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(FileError::new("read", path))?;
    if bytes.len() as u64 > most {
        return Err(Fault::new("it is too long", format!("at most {most} bytes")).of(path));
    }
    Ok(bytes)
}

fn read_entry(
    archive: &mut Archive,
    path: &Path,
    index: usize,
    most: u64,
) -> Result<Vec<u8>, SourceError> {
    let mut read = || {
        let (file, _) = archive.read(index)?;
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(Fault::new("it is too long", format!("at most {most} bytes")));
        }
        Ok(bytes)
    };
    let read = read();
    read.map_err(|fault: Fault| fault.at(&archive.place(path, index)))
}

/// The images in a folder; `None` if it has none.
pub(crate) fn read_folder(path: &Path, collect: Collect) -> Result<Option<Split>, SourceError> {
    let mut walk = Walk::default();
    walk.visit(path, "", &mut Vec::new())?;
    let Walk { names, paths, empty } = walk;
    if names.is_empty() {
        return Ok(None);
    }
    let files = Files { names, content: Content::Folder(paths) };
    let mut split = read(&files, path, "folder of images", collect)?;
    if !empty.is_empty() {
        let names: Vec<_> = empty.iter().take(5).map(|name| one_line(name)).collect();
        split.notes.others.push(format!("no images in the folder {}", names.join(", ")));
    }
    Ok(Some(split))
}

/// The images in an archive; `None` if it has none.
pub(crate) fn read_archive(
    path: &Path,
    archive: Archive,
    collect: Collect,
) -> Result<Option<Split>, SourceError> {
    let seen = |name: &str| is_image(name) && !name.split('/').any(is_hidden);
    let names = archive.names().iter().map(|name| name.replace('\\', "/")).enumerate();
    let (indices, names): (Vec<_>, Vec<_>) = names.filter(|(_, name)| seen(name)).unzip();
    if names.is_empty() {
        return Ok(None);
    }
    let content = Content::Archive { path: path.into(), archive: Mutex::new(archive), indices };
    read(&Files { names, content }, path, "zip archive of images", collect).map(Some)
}

/// Whether a file or folder is not meant to be seen.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX"
}

/// A folder's images, and its subfolders without any.
#[derive(Default)]
struct Walk {
    names: Vec<String>,
    paths: Vec<PathBuf>,
    empty: Vec<String>,
}

impl Walk {
    /// Adds the images in `folder`, whose name from the beginning is `name`. `above` are the folders
    /// that it is in, so that a link into one of them is not followed without end.
    fn visit(
        &mut self,
        folder: &Path,
        name: &str,
        above: &mut Vec<PathBuf>,
    ) -> Result<(), SourceError> {
        let failed = || FileError::new("read", folder);
        let own = folder.canonicalize().map_err(failed())?;
        if above.contains(&own) {
            return Ok(());
        }
        if above.len() >= MAX_DEPTH {
            let expected = format!("at most {MAX_DEPTH}");
            return Err(Fault::new("its folders are too deep in one another", expected).of(folder));
        }
        above.push(own);
        let (before, mut subfolders) = (self.names.len(), 0);
        for entry in fs::read_dir(folder).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let own = entry.file_name().to_string_lossy().into_owned();
            if is_hidden(&own) {
                continue;
            }
            let inner = if name.is_empty() { own } else { format!("{name}/{own}") };
            let path = entry.path();
            let kind = entry.file_type().map_err(failed())?;
            let is_folder = kind.is_dir() || kind.is_symlink() && path.is_dir();
            if is_folder {
                subfolders += 1;
                self.visit(&path, &inner, above)?;
            } else if is_image(&inner) {
                self.names.push(inner);
                self.paths.push(path);
            }
        }
        if self.names.len() == before && subfolders == 0 && !name.is_empty() {
            self.empty.push(name.to_owned());
        }
        above.pop();
        Ok(())
    }
}

/// Reads files as training images, test images and classes.
fn read(files: &Files, path: &Path, format: &str, collect: Collect) -> Result<Split, SourceError> {
    let Sorted { train, test, class_names, mut notes } = sort(files, path)?;
    notes.format = format.into();
    notes.range = "0 to 255".into();
    let (mut part, whole) = (None, shown(path));
    let mut background = None;
    let mut read = |chosen: Group, collect: Collect| {
        let images = Chosen { files, indices: chosen.indices };
        let (background, how) =
            background.get_or_insert_with(|| collect.background(&images)).clone();
        if let Some(how) = how.filter(|how| !notes.others.contains(how)) {
            notes.others.push(how);
        }
        let collected = collect.collect(&images, &whole, background)?;
        notes.others.extend(skipped_note(&collected.skipped));
        let labels = chosen.labels.map(|labels| collected.kept(labels));
        Ok::<_, SourceError>(Part { shape: collected.shape, pixels: collected.pixels, labels })
    };
    let train = read(train, collect)?;
    if let Some(test) = test {
        let options = collect.options.for_test(train.shape);
        part = Some(read(test, Collect { options, ..collect })?);
    }
    Ok(Split { train, test: part, class_names, notes })
}

/// Files, and the class of each.
struct Group {
    indices: Vec<usize>,
    labels: Option<Vec<u32>>,
}

struct Sorted {
    train: Group,
    test: Option<Group>,
    class_names: Option<Vec<String>>,
    notes: Notes,
}

/// Decides what is for training, what for tests, and the classes: by folders, or by `StyleGAN`'s
/// `dataset.json`. Files are in the order of their classes, then of their names.
fn sort(files: &Files, path: &Path) -> Result<Sorted, SourceError> {
    let mut notes = Notes::default();
    let common = common_folders(&files.names);
    let name = |index: usize| &files.names[index][common..];
    let all: Vec<usize> = (0..files.names.len()).collect();
    if let Some(json) = files.read_named(path, LABELS)? {
        let labels =
            json_labels(&json).map_err(|fault| fault.at(&format!("{}: {LABELS}", shown(path))))?;
        let mut indices = all;
        indices.sort_by(|&a, &b| natural(name(a), name(b)));
        let Some(labels) = labels else {
            return Ok(Sorted {
                train: Group { indices, labels: None },
                test: None,
                class_names: None,
                notes,
            });
        };
        let label = |&index: &usize| {
            let whole = &files.names[index];
            let found = labels.get(whole).or_else(|| labels.get(name(index)));
            found.copied().ok_or_else(|| {
                let found = format!("{LABELS} has no label for {}", one_line(whole));
                Fault::new(found, "one for each image").at(&shown(path))
            })
        };
        let labels = indices.iter().map(label).collect::<Result<_, _>>()?;
        notes.labels = Some(LABELS.into());
        let train = Group { indices, labels: Some(labels) };
        return Ok(Sorted { train, test: None, class_names: None, notes });
    }
    let top = |index: usize| name(index).split_once('/').map(|(top, _)| top);
    let tops: BTreeSet<&str> = all.iter().filter_map(|&index| top(index)).collect();
    let known = |top: &str, names: &[&str]| names.contains(&top.to_lowercase().as_str());
    let find = |names: &[&str]| {
        names
            .iter()
            .find_map(|wanted| tops.iter().find(|top| top.to_lowercase() == *wanted))
            .copied()
    };
    let splits = all
        .iter()
        .all(|&index| top(index).is_some_and(|top| known(top, &TRAIN) || known(top, &TEST)));
    let (train_top, test_top) = if splits { (find(&TRAIN), find(&TEST)) } else { (None, None) };
    let Some(train_top) = train_top else {
        let classes = Classes::of(files, &all, common, path)?;
        return classes.sorted(files, all, None, common, notes, path);
    };
    let within = |wanted: &str| {
        all.iter().copied().filter(|&index| top(index) == Some(wanted)).collect::<Vec<_>>()
    };
    let train = within(train_top);
    let left = tops.iter().filter(|top| **top != train_top && Some(**top) != test_top);
    let left: Vec<_> = left.map(|top| one_line(top)).collect();
    if !left.is_empty() {
        notes.others.push(format!("the folder {} is not used", left.join(", ")));
    }
    let test = test_top.map(|top| (within(top), top));
    notes.test = test_top.map(|top| format!("folder {}", one_line(top)));
    // Folders of both splits have the same beginning to leave out only if their names are as long.
    let classes = Classes::of(files, &train, common + train_top.len() + 1, path)?;
    classes.sorted(files, train, test, common, notes, path)
}

/// The classes of the training images, from the folders that they are in.
struct Classes {
    names: Option<Vec<String>>,
    /// Bytes of a name before that of the class.
    begin: usize,
}

impl Classes {
    fn of(
        files: &Files,
        indices: &[usize],
        begin: usize,
        path: &Path,
    ) -> Result<Self, SourceError> {
        let class = |&index: &usize| class_of(&files.names[index], begin);
        let names: BTreeSet<Option<&str>> = indices.iter().map(class).collect();
        if names.contains(&None) {
            if names.len() > 1 {
                let flat = indices.iter().find(|index| class(index).is_none());
                let flat = flat.map(|&index| one_line(&files.names[index])).unwrap_or_default();
                let found = format!("it has images in subfolders and beside them, such as {flat}");
                return Err(Fault::new(found, "a subfolder for each class, or none").of(path));
            }
            return Ok(Self { names: None, begin });
        }
        let mut names: Vec<String> = names.into_iter().flatten().map(str::to_owned).collect();
        names.sort_by(|a, b| natural(a, b));
        Ok(Self { names: (names.len() > 1).then_some(names), begin })
    }

    fn sorted(
        self,
        files: &Files,
        train: Vec<usize>,
        test: Option<(Vec<usize>, &str)>,
        common: usize,
        mut notes: Notes,
        path: &Path,
    ) -> Result<Sorted, SourceError> {
        let by_name = |mut indices: Vec<usize>| {
            indices.sort_by(|&a, &b| natural(&files.names[a], &files.names[b]));
            indices
        };
        let Some(names) = self.names.filter(|names| {
            names.len() <= MAX_CLASSES || {
                notes.others.push(format!("{} subfolders are too many for classes", names.len()));
                false
            }
        }) else {
            let train = Group { indices: by_name(train), labels: None };
            let test = test.map(|(test, _)| Group { indices: by_name(test), labels: None });
            return Ok(Sorted { train, test, class_names: None, notes });
        };
        let places: HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
        let group = |indices: Vec<usize>, begin: usize| {
            let mut labelled = Vec::with_capacity(indices.len());
            for index in by_name(indices) {
                let name = &files.names[index];
                let Some(&class) = class_of(name, begin).and_then(|class| places.get(class)) else {
                    let found = format!("no training image has the class of {}", one_line(name));
                    let expected = "the same classes for training and test images";
                    return Err(Fault::new(found, expected).of(path));
                };
                labelled.push((class, index));
            }
            // Stable: within a class the order of names stays.
            labelled.sort_by_key(|(class, _)| *class);
            let (labels, indices) = labelled.into_iter().unzip();
            Ok(Group { indices, labels: Some(labels) })
        };
        notes.labels = Some("subfolders".into());
        let lower: BTreeMap<String, &String> =
            names.iter().map(|name| (name.to_lowercase(), name)).collect();
        if lower.len() < names.len() {
            notes.others.push("some classes differ only in upper and lower case".into());
        }
        let train = group(train, self.begin)?;
        let test = test.map(|(test, top)| group(test, common + top.len() + 1)).transpose()?;
        let names = names.iter().map(|name| one_line(name).chars().take(MAX_NAME).collect());
        let class_names = Some(names.collect());
        Ok(Sorted { train, test, class_names, notes })
    }
}

/// The folder after the first `begin` bytes of a name.
fn class_of(name: &str, begin: usize) -> Option<&str> {
    name[begin..].split_once('/').map(|(class, _)| class)
}

/// Bytes of the folders that all names begin with.
fn common_folders(names: &[String]) -> usize {
    let folder = |name: &str| name.rfind('/').map_or(0, |end| end + 1);
    let Some(first) = names.first() else { return 0 };
    let mut common = folder(first);
    for name in names {
        while !name.starts_with(&first[..common]) {
            common = folder(&first[..common - 1]);
        }
    }
    common
}

/// Compares names as people order them: numbers in them by their value.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (left.first(), right.first()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let number = |text: &mut &[u8]| {
                let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (number, rest) = text.split_at(digits);
                *text = rest;
                let zeros = number.iter().take_while(|digit| **digit == b'0').count();
                number[zeros..].to_vec()
            };
            let (x, y) = (number(&mut left), number(&mut right));
            let order = x.len().cmp(&y.len()).then(x.cmp(&y));
            if order != Ordering::Equal {
                return order;
            }
        } else if x == y {
            (left, right) = (&left[1..], &right[1..]);
        } else {
            return x.cmp(y);
        }
    }
    // Names that differ in leading zeros alone are still in one order.
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The labels of `dataset.json` by the name of the image, if it has any.
fn json_labels(json: &[u8]) -> Result<Option<HashMap<String, u32>>, Fault> {
    #[derive(Deserialize)]
    struct Document {
        labels: Option<Vec<(String, u32)>>,
    }
    let document: Document = serde_json::from_slice(json).map_err(|error| {
        let expected = "labels: a list of [name, number], or null";
        Fault::new(format!("it cannot be read ({error})"), expected)
    })?;
    let labels = document.labels.map(|labels| labels.into_iter().collect());
    Ok(labels)
}
