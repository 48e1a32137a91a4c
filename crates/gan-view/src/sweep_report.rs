//! A report of a sweep: ranks, each setting against the measure, and the samples of the best trial.

use std::fmt::Write;
use std::path::Path;

use gan_run::Record;

use crate::error::ViewError;
use crate::html::{Escaped, TABLE_END, png_url, put, table_start};
use crate::images::read_png;
use crate::page::{check_replaceable, start};
use crate::scatter::Scatter;

/// The most groups in the table.
const MAX_ROWS: usize = 200;

/// What a report of a sweep shows.
#[derive(Debug, Default)]
pub struct SweepReport<'a> {
    /// Its name.
    pub title: &'a str,
    /// What the trials are compared by.
    pub measure: &'a str,
    /// How many trials there are in each state.
    pub states: String,
    /// Names of the settings that differ.
    pub settings: Vec<String>,
    /// The groups of trials that differ in their seeds alone, the best first.
    pub groups: Vec<SweepGroup>,
    /// The best trial.
    pub best: Option<BestTrial<'a>>,
}

/// Trials that differ in their seeds alone.
#[derive(Debug, Default)]
pub struct SweepGroup {
    /// Their name.
    pub name: String,
    /// The value of each setting, as text; none where the group does not set it.
    pub settings: Vec<Option<String>>,
    /// The values of the measure, one for each seed that has one.
    pub values: Vec<f64>,
    /// Mean and sample standard deviation, as text.
    pub value: String,
    /// Number of seeds.
    pub seeds: usize,
    /// Epochs after which they were measured.
    pub epochs: u64,
}

/// The best trial.
#[derive(Debug)]
pub struct BestTrial<'a> {
    /// Its run.
    pub record: &'a Record,
    /// The value of the measure.
    pub value: f64,
    /// The command that repeats it.
    pub command: String,
}

impl SweepReport<'_> {
    /// Writes the report. It replaces an old one atomically.
    ///
    /// # Errors
    /// When the file exists and is not a report, or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ViewError> {
        check_replaceable(path, false)?;
        Ok(gan_core::atomic_file::write(path, self.page()?.as_bytes())?)
    }

    fn page(&self) -> Result<String, ViewError> {
        let mut page = start(&format!("Sweep {}", self.title));
        put!(page, "<p>{}</p>\n</header>\n<main>\n", Escaped(&self.states));
        self.put_best(&mut page);
        self.put_ranks(&mut page);
        self.put_plots(&mut page)?;
        page.push_str("</main>\n</body>\n</html>\n");
        Ok(page)
    }

    fn put_best(&self, page: &mut String) {
        let Some(BestTrial { record, value, command }) = &self.best else { return };
        put!(
            page,
            "<section>\n<h2>The best trial</h2>\n<p>{}: {} {value:.4}</p>\n",
            Escaped(record.name()),
            Escaped(self.measure)
        );
        if let Some(png) = record.samples().last().and_then(|(_, path)| read_png(path)) {
            put!(page, "<img class=\"row\" alt=\"its last samples\" src=\"{}\">\n", png_url(&png));
        }
        put!(page, "<p>It is repeated by</p>\n<pre>{}</pre>\n</section>\n", Escaped(command));
    }

    fn put_ranks(&self, page: &mut String) {
        page.push_str("<section>\n<h2>Ranks</h2>\n");
        let mut heads = vec!["Rank", "Trial"];
        heads.extend(self.settings.iter().map(String::as_str));
        heads.extend([self.measure, "Seeds", "Epochs"]);
        table_start(page, "Ranks", &heads);
        for (index, group) in self.groups.iter().take(MAX_ROWS).enumerate() {
            put!(page, "<tr><td>{}</td><th scope=\"row\">{}</th>", index + 1, Escaped(&group.name));
            for value in &group.settings {
                put!(page, "<td>{}</td>", Escaped(value.as_deref().unwrap_or("–")));
            }
            put!(
                page,
                "<td>{}</td><td>{} of {}</td><td>{}</td></tr>\n",
                Escaped(&group.value),
                group.values.len(),
                group.seeds,
                group.epochs
            );
        }
        page.push_str(TABLE_END);
        if self.groups.len() > MAX_ROWS {
            put!(page, "<p>and {} more.</p>\n", self.groups.len() - MAX_ROWS);
        }
        page.push_str(
            "<p>The mean over the seeds, ± their sample standard deviation.</p>\n</section>\n",
        );
    }

    /// Each setting against the measure, a point for each trial.
    fn put_plots(&self, page: &mut String) -> Result<(), ViewError> {
        let mut plots = String::new();
        for (index, setting) in self.settings.iter().enumerate() {
            let points: Vec<_> = self
                .groups
                .iter()
                .filter_map(|group| Some((group.settings[index].clone()?, &group.values)))
                .flat_map(|(setting, values)| {
                    values.iter().map(move |value| (setting.clone(), *value))
                })
                .collect();
            if points.is_empty() {
                continue;
            }
            let label = Escaped(format!("{setting} against {}", self.measure)).to_string();
            let plot = Scatter { x_label: setting, y_label: self.measure, points };
            put!(plots, "<figure>{}</figure>\n", plot.svg(&label)?);
        }
        if !plots.is_empty() {
            put!(
                page,
                "<section>\n<h2>Settings</h2>\n<div class=\"plots\">\n{plots}</div>\n</section>\n"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_ranks_plots_and_the_command_with_everything_escaped() {
        let dir = tempfile::tempdir().unwrap();
        let group = |name: &str, lr: &str, values: &[f64]| SweepGroup {
            name: name.into(),
            settings: vec![Some(lr.into()), None],
            values: values.to_vec(),
            value: "2.0000 ± 0.5000".into(),
            seeds: 3,
            epochs: 90,
        };
        let groups = vec![group("<b>", "0.1", &[1.5, 2.5]), group("other", "0.2", &[])];
        let record = Record {
            paths: gan_run::RunPaths::new("a&b"),
            config: serde_json::json!({}),
            rows: Vec::new(),
        };
        let best =
            Some(BestTrial { record: &record, value: 1.5, command: "gan-train --lr=0.1".into() });
        let settings = vec!["lr".to_owned(), "r1".to_owned()];
        let report = SweepReport {
            title: "my",
            measure: "frechet",
            settings,
            groups,
            best,
            ..SweepReport::default()
        };
        let path = dir.path().join("sweep.html");
        report.write(&path).unwrap();
        let page = std::fs::read_to_string(&path).unwrap();
        for part in [
            "<h1>Sweep my</h1>",
            "&lt;b&gt;",
            "2 of 3",
            "2.0000 ± 0.5000",
            "a&amp;b: frechet 1.5000",
            "gan-train --lr=0.1",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert_eq!(page.matches("<svg").count(), 1, "no trial sets r1");
        assert_eq!(page.matches("<circle").count(), 2);
        report.write(&path).unwrap();
        std::fs::write(&path, "a thesis").unwrap();
        assert!(matches!(report.write(&path), Err(ViewError::NotAReport(_))));
    }
}
