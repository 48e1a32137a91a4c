//! The page from top to bottom.

use std::fmt::Write;

use gan_run::Record;

use super::{BEGIN, parts};
use crate::curves::figures;
use crate::error::ViewError;
use crate::html::Text;
use crate::palette;

/// Parts of a page, one after the other; writing to a string cannot fail.
macro_rules! put {
    ($page:expr, $($part:tt)*) => { let _ = write!($page, $($part)*); };
}
pub(super) use put;

pub fn page(records: &[Record]) -> Result<String, ViewError> {
    let names = names(records);
    let title = match &names[..] {
        [name] => name.clone(),
        names => format!("{} runs side by side", names.len()),
    };
    let mut page = String::from(BEGIN);
    put!(
        page,
        "{}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
         <style>\n{}{}</style>\n</head>\n<body>\n<header>\n<h1>{}</h1>\n",
        env!("CARGO_PKG_VERSION"),
        Text(&title),
        palette::css(),
        include_str!("page.css"),
        Text(&title),
    );
    parts::summary(&mut page, records, &names);
    page.push_str("</header>\n<main>\n");
    parts::digits(&mut page, records, &names);
    parts::findings(&mut page, records, &names);

    page.push_str("<section>\n<h2>Curves</h2>\n");
    let figures = figures(records, &names)?;
    if figures.is_empty() {
        page.push_str("<p>Nothing was read yet.</p>\n");
    }
    for figure in figures {
        put!(page, "<figure class=\"chart\">\n<h3>{}</h3>\n<ul class=\"legend\">", figure.title);
        for (colour, name) in &figure.legend {
            let dashed = if *colour >= palette::LINES.len() { " dashed" } else { "" };
            let colour = colour % palette::LINES.len();
            put!(page, "<li><span class=\"key c{colour}{dashed}\"></span>{}</li>", Text(name));
        }
        put!(
            page,
            "</ul>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">{}</div>\n",
            figure.title,
            figure.svg
        );
        put!(page, "<figcaption>{}</figcaption>\n</figure>\n", Text(figure.note.trim()));
    }
    page.push_str("</section>\n");

    parts::over_time(&mut page, records, &names);
    parts::settings(&mut page, records, &names);
    parts::readings(&mut page, records, &names);
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(page)
}

/// What the runs are called: by their directories, and by the whole path where these are alike.
fn names(records: &[Record]) -> Vec<String> {
    let short: Vec<String> = records.iter().map(Record::name).collect();
    let name = |(record, name): (&Record, &String)| {
        let alike = short.iter().filter(|other| *other == name).count();
        if alike == 1 { name.clone() } else { record.root.display().to_string() }
    };
    records.iter().zip(&short).map(name).collect()
}
