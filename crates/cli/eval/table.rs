//! The measures as a table for people.

use gan_eval::{Measure, Measures};

/// Lines of a name, a figure, its interval, and the figure of real images.
pub fn measures(found: &Measures, floor: &Measures) -> String {
    let row = |name: &str, digits: usize, found: Measure, floor: Measure| {
        let interval = found
            .interval
            .map_or(String::new(), |[low, high]| format!("{low:.digits$} to {high:.digits$}"));
        let (value, floor) = (found.value, floor.value);
        format!("  {name:<20}{value:>9.digits$}   {interval:<20}{floor:>9.digits$}")
    };
    let mut lines = vec![
        format!("  {:<20}{:>9}   {:<20}{:>9}", "", "found", "95% interval", "real"),
        row("Fréchet distance", 2, found.frechet, floor.frechet),
        row("precision", 3, found.precision, floor.precision),
        row("recall", 3, found.recall, floor.recall),
        row("density", 3, found.density, floor.density),
        row("coverage", 3, found.coverage, floor.coverage),
        row("classifier score", 3, found.score, floor.score),
        row("confidence", 3, found.confidence, floor.confidence),
        row("diversity", 3, found.diversity, floor.diversity),
        row("imbalance", 3, found.imbalance, floor.imbalance),
    ];
    let percent = |shares: &[f64]| {
        let words: Vec<_> = shares.iter().map(|share| format!("{:>4.1}", 100.0 * share)).collect();
        words.join(" ")
    };
    lines.push(format!("  share of each class, %  {}", percent(&found.shares)));
    for (end, name) in ["95% from", "to"].into_iter().enumerate() {
        let ends: Vec<f64> = found.shares_intervals.iter().map(|interval| interval[end]).collect();
        lines.push(format!("{name:>24}  {}", percent(&ends)));
    }
    lines.push(format!("       of real images, %  {}", percent(&floor.shares)));
    lines.push(match &found.missing[..] {
        [] => "  no class is missing".into(),
        missing => {
            let names: Vec<_> = missing.iter().map(usize::to_string).collect();
            format!("  missing (below a tenth of its share): {}", names.join(", "))
        }
    });
    lines.join("\n")
}
