//! The sections of a report.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use gan_run::{
    AskedQuality, ClassNames, MetricsRow, Quality, Record, RunPaths, RunState, best_measured,
    lowest_kernel_distance,
};
use humantime::{format_duration, format_rfc3339_seconds};

use crate::figures::{Figure, compares_by_kernel_distance};
use crate::html::{Escaped, TABLE_END, png_url, put, table_start};
use crate::images::{png_header, read_png};
use crate::palette::LINES;
use crate::reduce::evenly_spaced;
use crate::settings::compare;

/// The largest number of previews of all runs together; each run has two.
const MAX_ROWS: usize = 48;
/// The largest number of previews, and of evaluations in a table, of one run.
const MAX_ROWS_PER_RUN: usize = 24;

/// The beginning of the year 10000, in seconds since 1970.
const YEAR_10000: u64 = 253_402_300_800;

/// The state of each run.
pub fn summary(page: &mut String, records: &[Record], names: &[String]) {
    let frechet = |record: &Record| {
        let row = best_measured(&record.rows)?;
        Some(format!("{:.2} (epoch {})", row.quality.as_ref()?.frechet, row.epoch))
    };
    let kernel = |record: &Record| {
        let (row, distance) = lowest_kernel_distance(&record.rows)?;
        Some(format!("{distance:.3} (epoch {})", row.epoch))
    };
    let mut heads = vec!["Run", "State", "Epochs", "Training", "Data", "Recipe"];
    heads.extend(["Loss of D", "Loss of G", "Last written"]);
    let kernels = records.iter().any(|record| kernel(record).is_some());
    let frechets = !compares_by_kernel_distance(records)
        && records.iter().any(|record| frechet(record).is_some());
    heads.extend(kernels.then_some("Lowest kernel distance (KID)"));
    heads.extend(frechets.then_some("Lowest Fréchet distance"));
    table_start(page, "Summary", &heads);
    for (record, name) in records.iter().zip(names) {
        let state = record.state();
        put!(
            page,
            "<tr><th scope=\"row\">{}</th><td><span class=\"state {state}\">{state}</span></td>",
            Escaped(name)
        );
        let total = record.total_epochs().map_or(String::new(), |total| format!(" of {total}"));
        let setting = |name| record.setting(name).unwrap_or_else(unknown);
        let last = record.rows.last();
        let held_out =
            record.setting("held_out").map(|count| format!(", {count} held out for tests"));
        let init = record.setting("init_from.epoch").map(|epoch| {
            format!(", fine-tuned from epoch {epoch} on {}", setting("init_from.dataset"))
        });
        let cells = [
            format!("{}{total}", record.epochs_done()),
            format_duration(Duration::from_secs(record.seconds() as u64)).to_string(),
            setting("dataset.name") + &held_out.unwrap_or_default(),
            setting("training.recipe") + &init.unwrap_or_default(),
            last.map_or_else(unknown, |row| format!("{:.3}", row.d_loss)),
            last.map_or_else(unknown, |row| format!("{:.3}", row.g_loss)),
            record.last_modified().map_or_else(unknown, date),
        ];
        let kernel = kernels.then(|| kernel(record).unwrap_or_else(unknown));
        let frechet = frechets.then(|| frechet(record).unwrap_or_else(unknown));
        for cell in cells.into_iter().chain(kernel).chain(frechet) {
            put!(page, "<td>{}</td>", Escaped(cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str(TABLE_END);
}

fn unknown() -> String {
    "–".into()
}

/// A time to the minute, in UTC because reports are shared.
fn date(time: SystemTime) -> String {
    // The formatter panics outside of the years 1970 to 9999.
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    if !since.is_ok_and(|since| since.as_secs() < YEAR_10000) {
        return unknown();
    }
    let date = format_rfc3339_seconds(time).to_string().replace('T', " ");
    format!("{} UTC", date.get(..16).unwrap_or(&date))
}

/// The latest samples of each run, and real images.
pub fn samples(page: &mut String, records: &[Record], names: &[String]) {
    for (record, name) in records.iter().zip(names) {
        let samples = record.samples();
        let last = samples.iter().rev().find_map(|(epoch, path)| Some((epoch, read_png(path)?)));
        let Some((epoch, png)) = last else {
            put!(page, "<p>{} has no samples yet.</p>\n", Escaped(name));
            continue;
        };
        let text = format!("{name} after epoch {epoch}");
        figure(page, "row", "", &png, &text, &text);
    }
    let mut shown = HashSet::new();
    for record in records {
        let Some(reals) = read_png(&record.paths.reals()) else { continue };
        if shown.insert(record.setting("dataset.digest")) {
            let data = record.setting("dataset.name").unwrap_or_else(unknown);
            let text = format!("real images of {data}, for comparison");
            // The first row of the grid.
            let row = record.image_shape().zip(png_header(&reals)).map(|(shape, png)| {
                format!(" style=\"aspect-ratio: {} / {}\"", png.width, shape.height)
            });
            figure(page, "row crop", &row.unwrap_or_default(), &reals, &text, &text);
        }
    }
}

pub fn previews(page: &mut String, records: &[Record], names: &[String]) {
    page.push_str("<p>The latents are the same in every row.</p>\n");
    let max = (MAX_ROWS / records.len().max(1)).clamp(2, MAX_ROWS_PER_RUN);
    for (record, name) in records.iter().zip(names) {
        heading(page, records, name);
        let samples = record.samples();
        page.push_str("<div class=\"strip\">\n");
        for (epoch, path) in evenly_spaced(&samples, max) {
            if let Some(png) = read_png(&path) {
                let alt = format!("Samples of {name} after epoch {epoch}");
                figure(page, "step", "", &png, &alt, &format!("epoch {epoch}"));
            }
        }
        page.push_str("</div>\n");
        if samples.len() > max {
            put!(page, "<p class=\"note\">{max} of {} rows, evenly spaced.</p>\n", samples.len());
        }
    }
}

/// The name of a run where there are several.
fn heading(page: &mut String, records: &[Record], name: &str) {
    if records.len() > 1 {
        put!(page, "<h3>{}</h3>\n", Escaped(name));
    }
}

fn figure(page: &mut String, class: &str, style: &str, png: &[u8], alt: &str, caption: &str) {
    let (alt, caption, url) = (Escaped(alt), Escaped(caption), png_url(png));
    put!(
        page,
        "<figure class=\"{class}\"><div{style}><img src=\"{url}\" alt=\"{alt}\"></div>\
         <figcaption>{caption}</figcaption></figure>\n"
    );
}

pub fn warnings(page: &mut String, records: &[Record], names: &[String]) {
    for (record, name) in records.iter().zip(names) {
        heading(page, records, name);
        let warning = |row: &MetricsRow| {
            row.warning.map(|warning| format!("Epoch {}: {}", row.epoch, warning.message()))
        };
        let mut warnings: Vec<String> = record.rows.iter().filter_map(warning).collect();
        let done = record.epochs_done();
        match record.state() {
            RunState::Diverged => warnings.push(format!(
                "Epoch {done}: the training diverged: a loss or a weight is not finite; try a \
                 smaller --lr or --recipe default"
            )),
            RunState::Killed => warnings.push(format!(
                "After epoch {done} or later: the training ended unexpectedly; it was killed, or \
                 the disk is full"
            )),
            _ => {}
        }
        if warnings.is_empty() {
            page.push_str("<p>None.</p>\n");
            continue;
        }
        page.push_str("<ul>\n");
        for warning in warnings {
            put!(page, "<li>{}</li>\n", Escaped(warning));
        }
        page.push_str("</ul>\n");
    }
}

pub fn curves(page: &mut String, figures: &[Figure]) {
    if figures.is_empty() {
        page.push_str("<p>There are no metrics yet.</p>\n");
    }
    for Figure { title, note, legend, svg } in figures {
        put!(page, "<figure class=\"chart\">\n<h3>{title}</h3>\n<ul class=\"legend\">");
        for &(colour, ref name) in legend {
            let dashed = if colour >= LINES.len() { " dashed" } else { "" };
            let (colour, name) = (colour % LINES.len(), Escaped(name));
            put!(page, "<li><span class=\"key c{colour}{dashed}\"></span>{name}</li>");
        }
        put!(
            page,
            "</ul>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{title}\">{svg}\
             </div>\n<figcaption>{}</figcaption>\n</figure>\n",
            Escaped(note.trim())
        );
    }
}

/// All settings; those that differ between runs are first and highlighted.
pub fn settings(page: &mut String, records: &[Record], names: &[String]) {
    let settings = compare(records);
    if records.len() > 1 {
        let differ = settings.iter().filter(|setting| setting.differs());
        let differ: Vec<_> = differ.map(|setting| setting.name.as_str()).collect();
        let text = match &differ[..] {
            [] => "The runs have the same settings.".into(),
            names => format!("The runs differ in {}.", names.join(", ")),
        };
        put!(page, "<p>{}</p>\n", Escaped(text));
    }
    let mut heads = vec!["Setting"];
    heads.extend(names.iter().map(String::as_str));
    table_start(page, "Settings", &heads);
    for setting in &settings {
        let class = if setting.differs() { " class=\"differs\"" } else { "" };
        put!(page, "<tr{class}><th scope=\"row\">{}</th>", Escaped(&setting.name));
        for value in &setting.values {
            put!(page, "<td>{}</td>", Escaped(if value.is_empty() { "–" } else { value }));
        }
        page.push_str("</tr>\n");
    }
    page.push_str(TABLE_END);
}

/// Whether samples of a run are asked for by class.
pub fn has_classes(record: &Record) -> bool {
    !record.asked_classes().is_empty() || asked(record).is_some()
}

/// The last evaluation of samples that were asked for by class.
fn asked(record: &Record) -> Option<(u64, &AskedQuality)> {
    record.rows.iter().rev().find_map(|row| Some((row.epoch, row.asked()?)))
}

/// Samples of each class, the share drawn as asked, and which class was drawn for which.
pub fn classes(page: &mut String, records: &[Record], names: &[String]) {
    page.push_str("<p>A row for each class; the samples in one column have the same latent.</p>\n");
    for (record, name) in records.iter().zip(names).filter(|(record, _)| has_classes(record)) {
        heading(page, records, name);
        if let Some(png) = read_png(&record.paths.classes()) {
            page.push_str("<div class=\"classes\">\n<ol>");
            for label in record.asked_classes().iter().take(RunPaths::CLASS_ROWS) {
                put!(page, "<li>{}</li>", Escaped(label));
            }
            page.push_str("</ol>\n");
            figure(page, "", "", &png, &format!("Samples of {name} by class"), "");
            page.push_str("</div>\n");
        }
        let Some((epoch, asked)) = asked(record) else { continue };
        let classes = ClassNames::from_config(&record.config);
        put!(
            page,
            "<p>After {epoch} epochs, {:.1}% of the samples were classified as the class \
             that was asked for. Mean Fréchet distance over the classes: {:.2}.</p>\n",
            100.0 * asked.share,
            asked.frechet
        );
        let count = asked.by_class.len();
        if asked.confusion.len() != count * count {
            continue;
        }
        let labels: Vec<_> = (0..count).map(|class| classes.label(class)).collect();
        let heads: Vec<_> = ["asked for"].into_iter().chain(labels.iter().map(|x| &**x)).collect();
        table_start(
            page,
            "Per cent of the samples asked for each class, by the class they are",
            &heads,
        );
        for (label, row) in labels.iter().zip(asked.confusion.chunks_exact(count.max(1))) {
            put!(page, "<tr><th scope=\"row\">{}</th>", Escaped(label));
            let all = row.iter().copied().map(f64::from).sum::<f64>().max(1.0);
            for seen in row {
                let share = f64::from(*seen) / all;
                // Rare confusions remain visible.
                let shade = share.sqrt();
                let text = if *seen == 0 { String::new() } else { format!("{:.1}", 100.0 * share) };
                put!(page, "<td class=\"cell\" style=\"--share: {shade:.2}\">{text}</td>");
            }
            page.push_str("</tr>\n");
        }
        page.push_str(TABLE_END);
    }
}

/// Some rows of the metrics.
pub fn metrics(page: &mut String, records: &[Record], names: &[String]) {
    for (record, name) in records.iter().zip(names) {
        let classes = ClassNames::from_config(&record.config);
        let all: Vec<_> = record.rows.iter().collect();
        let evaluated: Vec<_> = record.rows.iter().filter(|row| row.quality.is_some()).collect();
        let mut rows = evenly_spaced(&all, MAX_ROWS_PER_RUN / 2);
        rows.extend(evenly_spaced(&evaluated, MAX_ROWS_PER_RUN));
        rows.sort_by_key(|row| row.epoch);
        rows.dedup_by_key(|row| row.epoch);
        put!(
            page,
            "<details>\n<summary>{} of {} rows of {}</summary>\n",
            rows.len(),
            all.len(),
            Escaped(name)
        );
        let losses = ["Epoch", "Loss of D", "Loss of G", "D(real)", "D(fake)"];
        let quality = ["KID", "Fréchet", "Precision", "Recall", "Missing classes"];
        table_start(page, "Metrics", &[&losses[..], &quality].concat());
        for MetricsRow { epoch, d_loss, g_loss, d_real, d_fake, quality, .. } in rows {
            put!(
                page,
                "<tr><th scope=\"row\">{epoch}</th><td>{d_loss:.3}</td><td>{g_loss:.3}</td>\
                 <td>{d_real:.2}</td><td>{d_fake:.2}</td>"
            );
            if let Some(quality) = quality {
                let Quality { frechet, kernel_distance, precision, recall, .. } = quality;
                let kernel = kernel_distance.map_or_else(unknown, |value| format!("{value:.3}"));
                let missing = quality.classes.as_ref().map_or_else(unknown, |of_classes| {
                    let missing = of_classes.missing.iter().map(|class| classes.label(*class));
                    missing.collect::<Vec<_>>().join(", ")
                });
                let missing = Escaped(missing);
                put!(page, "<td>{kernel}</td><td>{frechet:.2}</td><td>{precision:.3}</td>");
                put!(page, "<td>{recall:.3}</td><td>{missing}</td></tr>\n");
            } else {
                page.push_str("<td></td><td></td><td></td><td></td><td></td></tr>\n");
            }
        }
        put!(page, "{TABLE_END}</details>\n");
    }
}
