//! What files are for, from their names: training or tests, and of which class.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Deserializer};

use super::error::{Fault, one_line};
use super::part::Notes;

/// The most classes, and the most characters of a class's name.
const MAX_CLASSES: usize = 1000;
const MAX_NAME: usize = 60;
/// Names of folders of training images, and of test images; the first one is taken.
const TRAIN: [&str; 2] = ["train", "training"];
const TEST: [&str; 7] = ["test", "testing", "t10k", "val", "valid", "validation", "eval"];

/// Files in the order in which they are read, and the class of each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub indices: Vec<usize>,
    pub labels: Option<Vec<u32>>,
}

/// `StyleGAN`'s file of labels, and the folder that its names begin at.
pub(crate) struct Json {
    pub content: Vec<u8>,
    pub folder: String,
}

/// What all files are for.
pub(crate) struct Plan {
    pub train: Group,
    pub test: Option<Group>,
    pub class_names: Option<Vec<String>>,
    pub notes: Notes,
}

/// Some of the files, whose names have their class's folder after `begin` bytes.
struct Part<'a> {
    names: &'a [String],
    indices: Vec<usize>,
    begin: usize,
}

impl Plan {
    /// From `StyleGAN`'s `dataset.json`, if there is one with `labels`, else from the folders that
    /// files are in: `names` have slashes between folders. Files are in the order of their classes,
    /// then of their names.
    pub(crate) fn of(names: &[String], json: Option<&Json>) -> Result<Self, Fault> {
        let by_json = json.map(|json| Self::by_json(names, json)).transpose()?.flatten();
        by_json.map_or_else(|| Self::by_folders(names, false), Ok)
    }

    /// As [`of`](Self::of), but without labels and test images.
    pub(crate) fn of_samples(names: &[String]) -> Result<Self, Fault> {
        Self::by_folders(names, true)
    }

    /// `None` if the document has no labels, as that of another program; `null` means no labels.
    fn by_json(names: &[String], json: &Json) -> Result<Option<Self>, Fault> {
        type Labels = Option<Vec<(String, u32)>>;
        #[derive(Deserialize)]
        struct Document {
            #[serde(default, deserialize_with = "given")]
            labels: Option<Labels>,
        }
        fn given<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Labels>, D::Error> {
            Labels::deserialize(source).map(Some)
        }
        let document: Document = serde_json::from_slice(&json.content).map_err(|error| {
            let expected = "labels: a list of [name, number], or null; remove the file if it is of \
                            another program";
            Fault::new(format!("its dataset.json cannot be read ({error})"), expected)
        })?;
        let Some(labels) = document.labels else { return Ok(None) };
        let part = Part::new(names, (0..names.len()).collect(), 0);
        let mut notes = Notes::default();
        let Some(labels) = labels else {
            let train = part.unlabelled();
            return Ok(Some(Self { train, test: None, class_names: None, notes }));
        };
        let labels: HashMap<String, u32> = labels.into_iter().collect();
        let label = |&index: &usize| {
            let name = &names[index];
            let label = labels.get(name.strip_prefix(&json.folder).unwrap_or(name)).copied();
            let found = match label {
                Some(label) if u16::try_from(label).is_ok() => return Ok(label),
                Some(label) => format!("its dataset.json has the label {label} for"),
                None => "its dataset.json has no label for".into(),
            };
            let found = format!("{found} {}", one_line(name));
            Err(Fault::new(found, "one for each image, 0 to 65535"))
        };
        let labels = part.indices.iter().map(label).collect::<Result<_, _>>()?;
        notes.labels = Some("dataset.json".into());
        let train = Group { indices: part.indices, labels: Some(labels) };
        Ok(Some(Self { train, test: None, class_names: None, notes }))
    }

    fn by_folders(names: &[String], samples: bool) -> Result<Self, Fault> {
        let mut notes = Notes::default();
        let [train, test] = splits(names, &mut notes)?;
        let test = test.filter(|_| !samples);
        let test = |label: &dyn Fn(Part) -> Result<Group, Fault>| test.map(label).transpose();
        let unlabelled = |part: Part| Ok(part.unlabelled());
        let train = train.unwrap_or_else(|| Part::new(names, Vec::new(), 0));
        let classes = if samples { Vec::new() } else { train.classes()? };
        if classes.len() > MAX_CLASSES {
            notes.others.push(format!("{} subfolders are too many for classes", classes.len()));
        }
        if !(2..=MAX_CLASSES).contains(&classes.len()) {
            let test = test(&unlabelled)?;
            return Ok(Self { train: train.unlabelled(), test, class_names: None, notes });
        }
        let places: HashMap<&str, u32> = classes.iter().copied().zip(0..).collect();
        let test = test(&|part| {
            let folders = part.indices.iter().any(|&index| part.class(index).is_some());
            if folders { part.labelled(&places) } else { unlabelled(part) }
        })?;
        if test.as_ref().is_some_and(|test| test.labels.is_none()) {
            notes.others.push("the test images have no labels".into());
        }
        let lower: BTreeSet<String> = classes.iter().map(|name| name.to_lowercase()).collect();
        if lower.len() < classes.len() {
            notes.others.push("some classes differ only in upper and lower case".into());
        }
        notes.labels = Some("subfolders".into());
        let shown = |name: &&str| one_line(name).chars().take(MAX_NAME).collect();
        let class_names = Some(classes.iter().map(shown).collect());
        Ok(Self { train: train.labelled(&places)?, test, class_names, notes })
    }
}

/// Training files and test files: by their outermost folders where all of these have names of splits,
/// else all files are for training.
fn splits<'a>(names: &'a [String], notes: &mut Notes) -> Result<[Option<Part<'a>>; 2], Fault> {
    let common = common_folders(names);
    let top = |name: &'a String| name[common..].split_once('/').map(|(top, _)| top);
    let tops: BTreeSet<Option<&str>> = names.iter().map(top).collect();
    let is =
        |top: Option<&str>, wanted: &str| top.is_some_and(|top| top.eq_ignore_ascii_case(wanted));
    let find = |wanted: &[&str]| {
        wanted
            .iter()
            .find_map(|wanted| tops.iter().find(|top| is(**top, wanted)).copied().flatten())
    };
    let known = |top: &Option<_>| TRAIN.iter().chain(&TEST).any(|wanted| is(*top, wanted));
    let (train, test) = (find(&TRAIN), find(&TEST));
    let other = tops.iter().find(|top| !known(top));
    if let (Some(train), Some(test), Some(other)) = (train, test, other) {
        let other =
            other.map_or("images".into(), |other| format!("the folder {}", one_line(other)));
        let found = format!("it has the folders {train} and {test}, and {other} beside them");
        let expected = "folders of training and test images alone, or of classes alone";
        return Err(Fault::new(found, expected));
    }
    let Some(train) = train.filter(|_| other.is_none()) else {
        return Ok([Some(Part::new(names, (0..names.len()).collect(), common)), None]);
    };
    let part = |wanted: &str| {
        let within = (0..names.len()).filter(|&index| top(&names[index]) == Some(wanted));
        Part::new(names, within.collect(), common + wanted.len() + 1)
    };
    let unused = tops.iter().flatten().filter(|&&top| top != train && Some(top) != test);
    notes.others.extend(unused.map(|top| format!("the folder {} is not used", one_line(top))));
    notes.test = test.map(|test| format!("the folder {}", one_line(test)));
    Ok([Some(part(train)), test.map(part)])
}

impl<'a> Part<'a> {
    /// Files in the order of their names.
    fn new(names: &'a [String], mut indices: Vec<usize>, begin: usize) -> Self {
        indices.sort_by(|&a, &b| natural(&names[a], &names[b]));
        Self { names, indices, begin }
    }

    /// The folder that a file is in.
    fn class(&self, index: usize) -> Option<&'a str> {
        self.names[index][self.begin..].split_once('/').map(|(class, _)| class)
    }

    /// The names of all classes in their order; none if the files are in no folders.
    fn classes(&self) -> Result<Vec<&'a str>, Fault> {
        let classes: BTreeSet<_> = self.indices.iter().map(|&index| self.class(index)).collect();
        if classes.contains(&None) && classes.len() > 1 {
            let such = |is: &dyn Fn(Option<&str>) -> bool| {
                let such = self.indices.iter().find(|&&index| is(self.class(index)));
                such.map_or(String::new(), |&index| one_line(&self.names[index]))
            };
            let (within, beside) = (such(&|class| class.is_some()), such(&|class| class.is_none()));
            let found = format!(
                "it has images in subfolders and beside them, such as {beside} and {within}"
            );
            return Err(Fault::new(found, "a subfolder for each class, or none"));
        }
        let mut classes: Vec<_> = classes.into_iter().flatten().collect();
        classes.sort_by(|a, b| natural(a, b));
        Ok(classes)
    }

    fn unlabelled(self) -> Group {
        Group { indices: self.indices, labels: None }
    }

    fn labelled(self, places: &HashMap<&str, u32>) -> Result<Group, Fault> {
        let mut labelled = Vec::with_capacity(self.indices.len());
        for &index in &self.indices {
            let Some(&class) = self.class(index).and_then(|class| places.get(class)) else {
                let name = one_line(&self.names[index]);
                let found = format!("no training image has the class of {name}");
                return Err(Fault::new(found, "the same classes for training and test images"));
            };
            labelled.push((class, index));
        }
        // Stable: within a class the order of names stays.
        labelled.sort_by_key(|(class, _)| *class);
        let (labels, indices) = labelled.into_iter().unzip();
        Ok(Group { indices, labels: Some(labels) })
    }
}

/// Bytes of the folders that all names begin with.
fn common_folders(names: &[String]) -> usize {
    let end_of_folder = |name: &str| name.rfind('/').map_or(0, |end| end + 1);
    let Some(first) = names.first() else { return 0 };
    let mut common = end_of_folder(first);
    for name in names {
        while !name.starts_with(&first[..common]) {
            common = end_of_folder(&first[..common - 1]);
        }
    }
    common
}

/// Compares names as people order them: numbers in them by their value.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (left.first(), right.first()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (x, y) = (take_number(&mut left), take_number(&mut right));
            let order = x.len().cmp(&y.len()).then(x.cmp(y));
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

/// Takes the digits at the beginning, and returns them without leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    *text = rest;
    &number[number.iter().take_while(|digit| **digit == b'0').count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(names: &[&str]) -> (Vec<String>, Plan) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let plan = Plan::of(&names, None);
        (names, plan.unwrap_or_else(|fault| panic!("{fault:?}")))
    }

    #[test]
    fn names_are_in_natural_order() {
        let mut names = ["b", "a10", "a9", "a09", "a", "10", "9", "a9b1"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["9", "10", "a", "a09", "a9", "a9b1", "a10", "b"]);
    }

    #[test]
    fn folders_are_splits_only_if_all_of_them_are() {
        let (_, split) = plan(&["x/train/a/1", "x/train/b/1", "x/Testing/b/1", "x/val/a/1"]);
        assert_eq!(split.train.labels, Some(vec![0, 1]));
        assert_eq!(split.test, Some(Group { indices: vec![2], labels: Some(vec![1]) }));
        assert_eq!(split.notes.others, ["the folder val is not used"]);
        let (_, classes) = plan(&["train/1", "boat/1"]);
        assert_eq!(classes.class_names.unwrap(), ["boat", "train"]);
        let names = ["train/1", "more/1", "test/1"].map(str::to_owned);
        let Err(Fault::Content { found, .. }) = Plan::of(&names, None) else { panic!() };
        assert_eq!(found, "it has the folders train and test, and the folder more beside them");
        let (_, unlabelled) = plan(&["train/a/1", "train/b/1", "test/1"]);
        assert_eq!(unlabelled.train.labels, Some(vec![0, 1]));
        assert_eq!(unlabelled.test, Some(Group { indices: vec![2], labels: None }));
        assert_eq!(unlabelled.notes.others, ["the test images have no labels"]);
        let (_, flat) = plan(&["x/train/2", "x/train/1"]);
        assert_eq!(flat.train, Group { indices: vec![1, 0], labels: None });
    }

    #[test]
    fn labels_of_a_json_are_by_names_from_its_folder() {
        let names = ["m/00000/a.png", "m/00000/b.png"].map(str::to_owned);
        let plan = |labels: &str| {
            let content = format!(r#"{{"labels": [{labels}]}}"#).into_bytes();
            Plan::of(&names, Some(&Json { content, folder: "m/".into() }))
        };
        let labelled = plan(r#"["00000/b.png", 7], ["00000/a.png", 3]"#);
        let Ok(Plan { train, .. }) = labelled else { panic!() };
        assert_eq!(train, Group { indices: vec![0, 1], labels: Some(vec![3, 7]) });
        let Err(Fault::Content { found, .. }) = plan(r#"["00000/a.png", 70000]"#) else { panic!() };
        assert_eq!(found, "its dataset.json has the label 70000 for m/00000/a.png");
    }

    #[test]
    fn too_many_folders_are_no_classes() {
        let names: Vec<String> = (0..=MAX_CLASSES).map(|index| format!("{index}/1")).collect();
        let plan = Plan::of(&names, None).unwrap_or_else(|fault| panic!("{fault:?}"));
        assert_eq!((plan.train.labels, plan.class_names), (None, None));
        assert_eq!(plan.notes.others, ["1001 subfolders are too many for classes"]);
    }
}
