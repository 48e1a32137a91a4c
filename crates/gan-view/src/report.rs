//! A report: a self-contained HTML page of one run or several.

mod sections;

use std::fmt::Write;
use std::path::Path;

use gan_run::Record;

use crate::error::ViewError;
use crate::figures::figures;
use crate::html::put;
use crate::page::{check_replaceable, start};

fn report(records: &[Record]) -> Result<String, ViewError> {
    let names = names(records);
    let mut page = start(&match &names[..] {
        [name] => name.clone(),
        names => format!("{} runs side by side", names.len()),
    });
    sections::summary(&mut page, records, &names);
    page.push_str("</header>\n<main>\n");
    let figures = figures(records, &names)?;
    let mut section = |title: &str, content: &dyn Fn(&mut String)| {
        put!(page, "<section>\n<h2>{title}</h2>\n");
        content(&mut page);
        page.push_str("</section>\n");
    };
    section("Samples", &|page| sections::samples(page, records, &names));
    section("Warnings", &|page| sections::warnings(page, records, &names));
    section("Curves", &|page| sections::curves(page, &figures));
    if records.iter().any(sections::has_classes) {
        section("Classes", &|page| sections::classes(page, records, &names));
    }
    section("Samples during the training", &|page| sections::previews(page, records, &names));
    section("Settings", &|page| sections::settings(page, records, &names));
    section("Metrics", &|page| sections::metrics(page, records, &names));
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(page)
}

/// The names of the runs' directories, or their paths where names are equal.
fn names(records: &[Record]) -> Vec<String> {
    let short: Vec<String> = records.iter().map(Record::name).collect();
    let name = |(record, name): (&Record, &String)| {
        let unique = short.iter().filter(|other| *other == name).count() == 1;
        if unique { name.clone() } else { record.paths.root().display().to_string() }
    };
    records.iter().zip(&short).map(name).collect()
}

/// Writes the report of these runs, in their order: samples, warnings, curves, settings. It replaces
/// an old report atomically, or any file with `force`.
///
/// # Errors
/// When the file exists and may not be replaced, or cannot be written.
pub fn write_report(records: &[Record], path: &Path, force: bool) -> Result<(), ViewError> {
    check_replaceable(path, force)?;
    Ok(gan_core::atomic_file::write(path, report(records)?.as_bytes())?)
}

#[cfg(test)]
mod tests;
