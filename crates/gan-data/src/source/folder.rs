//! Images as single files, in a folder or an archive, with a subfolder for each class or none.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gan_core::FileError;

use super::archive::Archive;
use super::classes::{Group, Plan};
use super::collect::{Collect, Encoded, skipped_note};
use super::decode::{MAX_FILE, is_image};
use super::error::{Fault, SourceError, one_line, shown};
use super::idx::open_regular;
use super::part::{Part, Split};

/// How deep folders may be in one another.
const MAX_DEPTH: usize = 32;
/// `StyleGAN`'s file of labels, and the most bytes of it.
const LABELS: &str = "dataset.json";
const MAX_LABELS: u64 = 1 << 28;

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
    /// `StyleGAN`'s file of labels, if there is one.
    fn read_labels(&self, path: &Path) -> Result<Option<Vec<u8>>, SourceError> {
        match &self.content {
            Content::Folder(_) => {
                let path = path.join(LABELS);
                if path.exists() { read_file(&path, MAX_LABELS).map(Some) } else { Ok(None) }
            }
            Content::Archive { path, archive, .. } => {
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let is_labels = |name: &String| name.rsplit('/').next() == Some(LABELS);
                let found = archive.names().iter().position(is_labels);
                found.map(|index| read_entry(&mut archive, path, index, MAX_LABELS)).transpose()
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
    let json = files.read_labels(path)?;
    let plan = Plan::of(&files.names, json.as_deref()).map_err(|fault| fault.of(path))?;
    let Plan { train, test, class_names, mut notes } = plan;
    notes.format = format.into();
    notes.range = "0 to 255".into();
    let images = Chosen { files, indices: train.indices };
    let (background, how) = collect.background(&images);
    notes.others.extend(how);
    let mut read = |images: &Chosen, labels: Option<Vec<u32>>, collect: Collect| {
        let collected = collect.collect(images, &shown(path), background)?;
        notes.others.extend(skipped_note(&collected.skipped));
        let labels = labels.map(|labels| collected.kept(labels));
        Ok::<_, SourceError>(Part { shape: collected.shape, pixels: collected.pixels, labels })
    };
    let train = read(&images, train.labels, collect)?;
    let options = collect.options.for_test(train.shape);
    let test = test.map(|Group { indices, labels }| {
        read(&Chosen { files, indices }, labels, Collect { options, ..collect })
    });
    Ok(Split { train, test: test.transpose()?, class_names, notes })
}
