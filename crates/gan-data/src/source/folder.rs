//! Images as single files, in a folder or an archive, with a subfolder for each class or none.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gan_core::FileError;

use super::archive::Archive;
use super::classes::{Group, Json, Plan};
use super::collect::{Collect, Encoded, skipped_note};
use super::decode::{MAX_FILE, is_image};
use super::error::{Fault, SourceError, is_hidden, one_line, shown};
use super::idx::open_regular;
use super::part::{Part, Split};

/// How deep folders may be nested, and how many there may be; links can repeat the same ones.
const MAX_DEPTH: usize = 32;
const MAX_FOLDERS: usize = 100_000;
/// Endings of images in formats that are not read.
const UNREAD: [&str; 10] =
    ["tif", "tiff", "heic", "heif", "avif", "svg", "jxl", "jp2", "ppm", "pgm"];
/// `StyleGAN`'s file of labels, and the most bytes of it.
const LABELS: &str = "dataset.json";
const MAX_LABELS: u64 = 1 << 28;

/// Files by their names, which have slashes between folders.
struct Files {
    names: Vec<String>,
    content: Content,
}

enum Content {
    Folder(PathBuf),
    Archive { path: PathBuf, archive: Mutex<Archive>, indices: Vec<usize> },
}

impl Files {
    /// `StyleGAN`'s file of labels, if there is one.
    fn read_labels(&self) -> Result<Option<Json>, SourceError> {
        match &self.content {
            Content::Folder(path) => {
                let path = path.join(LABELS);
                let read = path.exists().then(|| read_file(&path, MAX_LABELS)).transpose()?;
                Ok(read.map(|content| Json { content, folder: String::new() }))
            }
            Content::Archive { path, archive, .. } => {
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let names = archive.names().iter().enumerate();
                let in_folder = |(index, name): (usize, &String)| {
                    let folder = name.strip_suffix(LABELS)?;
                    (folder.is_empty() || folder.ends_with('/')).then(|| (index, folder.to_owned()))
                };
                // The outermost one.
                let found = names.filter_map(in_folder).min_by_key(|(_, folder)| folder.len());
                let Some((index, folder)) = found else { return Ok(None) };
                let content = read_entry(&mut archive, path, index, MAX_LABELS)?;
                Ok(Some(Json { content, folder }))
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
            Content::Folder(path) => shown(&path.join(&self.files.names[index])),
            Content::Archive { path, .. } => {
                format!("{}: {}", shown(path), one_line(&self.files.names[index]))
            }
        }
    }

    fn read(&self, index: usize) -> Result<Vec<u8>, SourceError> {
        let index = self.indices[index];
        match &self.files.content {
            Content::Folder(path) => read_file(&path.join(&self.files.names[index]), MAX_FILE),
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

/// The images in a folder; if it has none, the fault of those in formats that are not read.
pub(crate) fn read_folder(
    path: &Path,
    collect: Collect,
) -> Result<Result<Split, Option<Fault>>, SourceError> {
    let mut walk = Walk::default();
    walk.visit(path, "", &mut Vec::new())?;
    let Walk { names, empty, unread, .. } = walk;
    let unread: Vec<_> =
        unread.iter().map(|(ending, count)| format!("{count} .{ending}")).collect();
    let unread = unread.join(", ");
    if names.is_empty() {
        let expected = "PNG, JPEG, BMP, GIF or WebP; convert them";
        let fault = || Fault::new(format!("its images are {unread}"), expected);
        return Ok(Err((!unread.is_empty()).then(fault)));
    }
    let files = Files { names, content: Content::Folder(path.into()) };
    let mut split = read(&files, path, "folder of images", collect)?;
    if !empty.is_empty() {
        let names: Vec<_> = empty.iter().take(5).map(|name| one_line(name)).collect();
        split.notes.others.push(format!("no images in the folder {}", names.join(", ")));
    }
    if !unread.is_empty() {
        let note = format!("not read: {unread}; expected PNG, JPEG, BMP, GIF or WebP");
        split.notes.others.push(note);
    }
    Ok(Ok(split))
}

/// The number of images in an archive.
pub(crate) fn images_in(archive: &Archive) -> usize {
    archive.names().iter().filter(|name| is_seen_image(&name.replace('\\', "/"))).count()
}

fn is_seen_image(name: &str) -> bool {
    is_image(name) && !name.split('/').any(is_hidden)
}

/// The images in an archive.
pub(crate) fn read_archive(
    path: &Path,
    archive: Archive,
    collect: Collect,
) -> Result<Split, SourceError> {
    let names = archive.names().iter().map(|name| name.replace('\\', "/")).enumerate();
    let (indices, names): (Vec<_>, Vec<_>) = names.filter(|(_, name)| is_seen_image(name)).unzip();
    if names.is_empty() {
        let files = archive.names().iter().filter(|name| !name.ends_with('/'));
        let such: Vec<_> = files.take(3).map(|name| one_line(name)).collect();
        let found = match such.join(", ") {
            such if such.is_empty() => "it has no files".into(),
            such => format!("it has {such:.200}, which is not read from an archive"),
        };
        return Err(Fault::new(
            found,
            "images or arrays (.npy); else unpack it, and give the folder",
        )
        .of(path));
    }
    let content = Content::Archive { path: path.into(), archive: Mutex::new(archive), indices };
    read(&Files { names, content }, path, "zip archive of images", collect)
}

/// A folder's images, its subfolders without any, and images of other formats by their endings.
#[derive(Default)]
struct Walk {
    names: Vec<String>,
    empty: Vec<String>,
    unread: BTreeMap<String, usize>,
    folders: usize,
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
            return Err(Fault::new("its folders are nested too deeply", expected).of(folder));
        }
        self.folders += 1;
        if self.folders > MAX_FOLDERS {
            let found = format!("it has more than {MAX_FOLDERS} folders");
            return Err(Fault::new(found, "fewer; links may repeat the same ones").of(folder));
        }
        above.push(own);
        let (before, mut subfolders) = (self.names.len(), 0);
        for entry in fs::read_dir(folder).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let (path, own) = (entry.path(), entry.file_name());
            // Names are compared and recorded as text.
            let Some(own) = own.to_str() else {
                return Err(Fault::new("its name is not UTF-8", "one that is; rename it").of(&path));
            };
            if is_hidden(own) {
                continue;
            }
            let inner = if name.is_empty() { own.into() } else { format!("{name}/{own}") };
            let kind = entry.file_type().map_err(failed())?;
            let is_folder = kind.is_dir() || kind.is_symlink() && path.is_dir();
            if is_folder {
                subfolders += 1;
                self.visit(&path, &inner, above)?;
            } else if is_image(&inner) {
                self.names.push(inner);
            } else if let Some((_, ending)) = inner.rsplit_once('.') {
                let ending = ending.to_ascii_lowercase();
                if UNREAD.contains(&ending.as_str()) {
                    *self.unread.entry(ending).or_default() += 1;
                }
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
    let plan = if collect.expected.is_some() {
        Plan::of_samples(&files.names)
    } else {
        Plan::of(&files.names, files.read_labels()?.as_ref())
    };
    let plan = plan.map_err(|fault| fault.of(path))?;
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
