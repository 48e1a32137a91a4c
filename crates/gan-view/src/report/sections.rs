//! The sections of a report.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use gan_run::{MetricsRow, Record, State, best_measured};
use humantime::{format_duration, format_rfc3339_seconds};

use super::page::put;
use crate::html::{Text, png};
use crate::pictures::{evenly, read};
use crate::settings::side_by_side;

/// Rows of digits and readings of all runs together, at most.
const ROWS: usize = 48;
/// Of one run, at most.
const ROWS_EACH: usize = 24;

/// How each run stands.
pub fn summary(page: &mut String, records: &[Record], names: &[String]) {
    page.push_str("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Summary\">\n<table>\n<thead><tr>");
    // Most runs are short and never measured.
    let measured = records.iter().any(|record| best(record).is_some());
    let heads = ["Run", "State", "Epochs", "Training", "Data", "Recipe", "Loss of D", "Loss of G"];
    let rest = ["Last written", "Least Fréchet distance"];
    for head in heads.iter().chain(&rest[..=usize::from(measured)]) {
        put!(page, "<th scope=\"col\">{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (record, name) in records.iter().zip(names) {
        let state = record.state();
        put!(
            page,
            "<tr><th scope=\"row\">{}</th><td><span class=\"state {state}\">{state}</span></td>",
            Text(name)
        );
        let done = done(record);
        let total = record.total_epochs().map_or(String::new(), |total| format!(" of {total}"));
        let setting = |name| record.setting(name).unwrap_or_else(none);
        let last = record.rows.last();
        let cells = [
            format!("{done}{total}"),
            format_duration(Duration::from_secs(record.seconds() as u64)).to_string(),
            setting("dataset.name"),
            setting("training.recipe"),
            last.map_or_else(none, |row| format!("{:.3}", row.d_loss)),
            last.map_or_else(none, |row| format!("{:.3}", row.g_loss)),
            record.when().map_or_else(none, date),
        ];
        for cell in cells {
            put!(page, "<td>{}</td>", Text(cell));
        }
        if measured {
            let best = best(record);
            let best = best.map_or_else(none, |(epoch, fd)| format!("{fd:.2} (epoch {epoch})"));
            put!(page, "<td>{best}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
}

/// What stands for something that is not known.
fn none() -> String {
    "–".into()
}

/// A moment to the minute; reports travel, so it is nobody's local time.
fn date(when: SystemTime) -> String {
    let date = format_rfc3339_seconds(when).to_string().replace('T', " ");
    format!("{} UTC", date.get(..16).unwrap_or(&date))
}

/// Epochs done, by its last word or else by its last reading.
fn done(record: &Record) -> u64 {
    record.ending().map_or_else(|| record.epochs(), |ending| ending.epochs)
}

/// After which epoch the digits were measured to be the best, and their distance.
fn best(record: &Record) -> Option<(u64, f64)> {
    let row = best_measured(&record.rows)?;
    Some((row.epoch, row.quality.as_ref()?.frechet))
}

/// What each run draws now, and what they learnt from.
pub fn digits(page: &mut String, records: &[Record], names: &[String]) {
    page.push_str("<section>\n<h2>Digits</h2>\n");
    for (record, name) in records.iter().zip(names) {
        let samples = record.samples();
        let last = samples.iter().rev().find_map(|(epoch, path)| Some((epoch, read(path)?)));
        let Some((epoch, row)) = last else {
            put!(page, "<p>{} has drawn nothing yet.</p>\n", Text(name));
            continue;
        };
        let what = format!("{name}, drawn after epoch {epoch}");
        picture(page, "row", &row, &what, &what);
    }
    let mut shown = HashSet::new();
    for record in records {
        let Some(reals) = read(&record.paths().reals()) else { continue };
        if shown.insert(record.setting("dataset.digest")) {
            let data = record.setting("dataset.name").unwrap_or_else(none);
            let what = format!("real images of {data}, to compare");
            picture(page, "row crop", &reals, &what, &what);
        }
    }
    page.push_str("</section>\n");
}

/// How the digits came about.
pub fn over_time(page: &mut String, records: &[Record], names: &[String]) {
    page.push_str(
        "<section>\n<h2>How the digits came about</h2>\n\
                   <p>The same ten latents each time, so that the same digits grow.</p>\n",
    );
    let most = (ROWS / records.len().max(1)).clamp(2, ROWS_EACH);
    for (record, name) in records.iter().zip(names) {
        if records.len() > 1 {
            put!(page, "<h3>{}</h3>\n", Text(name));
        }
        let samples = record.samples();
        page.push_str("<div class=\"strip\">\n");
        for (epoch, path) in evenly(&samples, most) {
            if let Some(row) = read(&path) {
                let caption = format!("epoch {epoch}");
                picture(
                    page,
                    "step",
                    &row,
                    &format!("Digits of {name} after epoch {epoch}"),
                    &caption,
                );
            }
        }
        page.push_str("</div>\n");
        if samples.len() > most {
            put!(page, "<p class=\"note\">{most} of {} rows, evenly.</p>\n", samples.len());
        }
    }
    page.push_str("</section>\n");
}

fn picture(page: &mut String, class: &str, bytes: &[u8], what: &str, caption: &str) {
    let (what, caption, source) = (Text(what), Text(caption), png(bytes));
    put!(
        page,
        "<figure class=\"{class}\"><div><img src=\"{source}\" alt=\"{what}\"></div>\
         <figcaption>{caption}</figcaption></figure>\n"
    );
}

/// What went wrong, in words.
pub fn findings(page: &mut String, records: &[Record], names: &[String]) {
    page.push_str("<section>\n<h2>What was found to go wrong</h2>\n");
    for (record, name) in records.iter().zip(names) {
        if records.len() > 1 {
            put!(page, "<h3>{}</h3>\n", Text(name));
        }
        let mut found: Vec<String> = Vec::new();
        for row in &record.rows {
            found.extend(
                row.finding.map(|finding| format!("Epoch {}: {}", row.epoch, finding.words())),
            );
        }
        match record.state() {
            State::Diverged => found.push(format!(
                "Epoch {}: the training diverged: a loss was no number any more; try a smaller --lr or \
                 --recipe default",
                done(record)
            )),
            State::Killed => found.push(format!(
                "After epoch {} at the earliest: the training ended without a word, as when it is \
                 killed or the disk is full",
                done(record)
            )),
            _ => {}
        }
        if found.is_empty() {
            page.push_str("<p>Nothing.</p>\n");
            continue;
        }
        page.push_str("<ul>\n");
        for words in found {
            put!(page, "<li>{}</li>\n", Text(words));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</section>\n");
}

/// All settings, those that differ between runs first and marked.
pub fn settings(page: &mut String, records: &[Record], names: &[String]) {
    let settings = side_by_side(records);
    page.push_str("<section>\n<h2>Settings</h2>\n");
    let (differ, same): (Vec<_>, Vec<_>) = settings.iter().partition(|setting| setting.differs());
    if records.len() > 1 {
        let names: Vec<_> = differ.iter().map(|setting| setting.name.as_str()).collect();
        let words = match &names[..] {
            [] => "The runs have the same settings.".into(),
            names => format!("The runs differ in {}.", names.join(", ")),
        };
        put!(page, "<p>{}</p>\n", Text(words));
    }
    page.push_str("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Settings\">\n<table>\n<thead><tr><th scope=\"col\">Setting</th>");
    for name in names {
        put!(page, "<th scope=\"col\">{}</th>", Text(name));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for setting in differ.iter().chain(&same) {
        let class = if setting.differs() { " class=\"differs\"" } else { "" };
        put!(page, "<tr{class}><th scope=\"row\">{}</th>", Text(&setting.name));
        for value in &setting.values {
            put!(page, "<td>{}</td>", Text(if value.is_empty() { "–" } else { value }));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

/// Some of the readings as numbers.
pub fn readings(page: &mut String, records: &[Record], names: &[String]) {
    page.push_str("<section>\n<h2>Readings</h2>\n");
    for (record, name) in records.iter().zip(names) {
        let measured: Vec<_> = record.rows.iter().filter(|row| row.quality.is_some()).collect();
        let all: Vec<_> = record.rows.iter().collect();
        let mut rows = evenly(&all, ROWS_EACH / 2);
        rows.extend(evenly(&measured, ROWS_EACH));
        rows.sort_by_key(|row| row.epoch);
        rows.dedup_by_key(|row| row.epoch);
        put!(
            page,
            "<details>\n<summary>{} of {} readings of {}</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Readings\">\n<table>\n<thead><tr>",
            rows.len(),
            all.len(),
            Text(name)
        );
        for head in [
            "Epoch",
            "Loss of D",
            "Loss of G",
            "D(real)",
            "D(fake)",
            "Fréchet",
            "Precision",
            "Recall",
        ] {
            put!(page, "<th scope=\"col\">{head}</th>");
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for MetricsRow { epoch, d_loss, g_loss, d_real, d_fake, quality, .. } in rows {
            put!(
                page,
                "<tr><th scope=\"row\">{epoch}</th><td>{d_loss:.3}</td><td>{g_loss:.3}</td>"
            );
            put!(page, "<td>{d_real:.2}</td><td>{d_fake:.2}</td>");
            match quality {
                None => page.push_str("<td></td><td></td><td></td></tr>\n"),
                Some(of) => {
                    put!(
                        page,
                        "<td>{:.2}</td><td>{:.3}</td><td>{:.3}</td></tr>\n",
                        of.frechet,
                        of.precision,
                        of.recall
                    );
                }
            }
        }
        page.push_str("</tbody>\n</table>\n</div>\n</details>\n");
    }
    page.push_str("</section>\n");
}
