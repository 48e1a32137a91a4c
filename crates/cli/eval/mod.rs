//! `gan-eval`: evaluates samples.

mod args;
mod measure;
mod source;

use std::path::Path;
use std::time::Instant;

use gan_eval::{FeatureExtractor, Measures};
use serde_json::{Value, json};

pub(crate) use self::args::EvalArgs;
use self::measure::Results;
use self::source::{Source, Trained};
use crate::common::extractor::{self, Chosen};
use crate::common::{Failure, data, output};

/// # Errors
/// Any exit other than success.
pub fn main(args: &EvalArgs) -> Result<(), Failure> {
    let begin = Instant::now();
    args.check()?;
    let device = args.device.select()?;
    let trained = Trained::open(args, &device.device)?;
    let quiet = args.output.quiet;
    let data = data::load(&source::dataset(args, trained.as_ref())?, quiet)?;
    source::check_images(args, trained.as_ref(), &data.train)?;
    if args.usefulness {
        source::check_usefulness(trained.as_ref(), &data)?;
    }
    let named = args.feature_extractor.as_deref();
    let choose = || extractor::choose(named, &data, &device.device, quiet);
    // Samples take seconds, and the training of an extractor minutes.
    let known = (!named.is_some_and(extractor::is_training)).then(choose).transpose()?;
    let source = Source::open(trained, args, &data.train, &device.device)?;
    let Chosen { extractor, file } = known.map_or_else(choose, Ok)?;
    let Some(source) = source else {
        if args.output.json {
            let accuracy = Some(extractor.accuracy());
            output::print_json(&json!({
                "feature_extractor": extractor_json(&extractor, accuracy),
                "file": file.as_deref().map(Path::to_string_lossy),
            }))?;
        }
        return Ok(());
    };
    let results = Results::measure(args, source, &data, extractor, &device)?;

    let seconds = begin.elapsed().as_secs_f64();
    if args.output.json {
        output::print_json(&results_json(&results, args, seconds))?;
    } else {
        output::print(text(&results))?;
        if !quiet {
            output::log(format!("\nmeasured in {}", output::duration(seconds)));
        }
    }
    Ok(results.files?)
}

fn extractor_json(extractor: &FeatureExtractor, accuracy: Option<f64>) -> Value {
    let mut object = json!({
        "name": extractor.name(),
        "sha256": extractor.digest(),
        "accuracy": accuracy,
    });
    if extractor.classes().is_none() {
        object["predicts"] = json!(extractor.predicts());
    }
    object
}

fn results_json(results: &Results, args: &EvalArgs, seconds: f64) -> Value {
    let Results { source, extractor, memorisation, .. } = results;
    let checkpoint = source.checkpoint.as_ref();
    let extractor = extractor_json(extractor, results.accuracy);
    let memorisation = json!({
        "median_ratio": memorisation.ratio.value,
        "median_ratio_interval": memorisation.ratio.interval,
        "near_share": memorisation.share.value,
        "near_share_interval": memorisation.share.interval,
        "near_threshold": memorisation.threshold,
        "near_by_chance": memorisation.chance,
    });
    json!({
        "source": source.path.to_string_lossy(),
        "epochs": checkpoint.map(|(header, _)| header.step),
        "weights": checkpoint.map(|(_, weights)| weights),
        "seed": args.seed,
        "dataset": results.dataset,
        "test_images": results.tests,
        "test_images_held_out": results.held_out,
        "class_names": results.class_names,
        "feature_extractor": extractor,
        "measures": results.measures,
        "floor": results.floor,
        "memorisation": memorisation,
        "usefulness": results.usefulness.map(|[samples, real]| json!({ "samples": samples, "real": real })),
        // The names before `feature_extractor` and `memorisation`.
        "ruler": extractor,
        "memory": memorisation,
        "pairs": args.pairs.as_deref().map(Path::to_string_lossy),
        "seconds": seconds,
    })
}

/// A table with what it compares above and memorisation below.
fn text(results: &Results) -> String {
    let Results { source, extractor, dataset, tests, measures, memorisation, .. } = results;
    let (ratio, share) = (memorisation.ratio, memorisation.share);
    let distance = if ratio.value.is_finite() {
        let [near, far] = ratio.interval.unwrap_or([ratio.value; 2]);
        format!("{:.2} ({near:.2} to {far:.2}) times that of test images", ratio.value)
    } else {
        "unknown, because half of the test images are among the training images".into()
    };
    let chance = 100.0 * memorisation.chance;
    let closer = if memorisation.threshold > 0.0 {
        format!("closer than 99% of test images ({chance:.0}%")
    } else {
        format!("copies of training images, as are some test images ({chance:.0}%")
    };
    let [few, many] = share.interval.unwrap_or([share.value; 2]);
    let held_out = if results.held_out { ", held out of its training images" } else { "" };
    let weights = source.checkpoint.as_ref().map_or(String::new(), |(header, weights)| {
        format!(" (epoch {}, {weights} weights)", header.step)
    });
    let usefulness = results.usefulness.map_or(String::new(), |[samples, real]| {
        format!(
            "\n\n  a classifier trained on the samples alone classifies {:.2}% of the test images \
             correctly;\n  trained on as many real images, {:.2}%",
            100.0 * samples,
            100.0 * real
        )
    });
    let accuracy = results.accuracy.map_or(String::new(), |accuracy| {
        format!(", {} {:.2}%", extractor::accuracy_of(extractor.predicts()), 100.0 * accuracy)
    });
    format!(
        "{} samples of {}{weights}\ncompared with {tests} test images of {dataset}{held_out}\n\
         feature extractor {} (sha256 {:.12}…{accuracy})\n\n{}\n\n  \
         distance to the nearest training image: {distance};\n  \
         {:.1}% ({:.1} to {:.1}%) of the samples are {closer} by chance){usefulness}",
        measures.count,
        source.path.display(),
        extractor.name(),
        extractor.digest(),
        table(measures, &results.floor, &results.class_names),
        100.0 * share.value,
        100.0 * few,
        100.0 * many,
    )
}

/// Rows of a measure, its value, its interval, and its value for real images.
fn table(found: &Measures, floor: &Measures, class_names: &[String]) -> String {
    let mut lines =
        vec![format!("  {:<22}{:>9}   {:<20}{:>9}", "", "samples", "95% interval", "real")];
    for ((name, digits, found), (_, _, floor)) in found.rows().into_iter().zip(floor.rows()) {
        let interval = found
            .interval
            .map_or(String::new(), |[low, high]| format!("{low:.digits$} to {high:.digits$}"));
        let (value, floor) = (found.value, floor.value);
        lines.push(format!("  {name:<22}{value:>9.digits$}   {interval:<20}{floor:>9.digits$}"));
    }
    let name = |class: usize| class_names.get(class).map_or(class.to_string(), String::clone);
    if let Some((found, floor)) = found.asked.as_ref().zip(floor.asked.as_ref()) {
        let worst = |(class, value): (usize, f64), digits| {
            format!("{:>9}", format!("{value:.digits$}")) + &format!("   {:<20}", name(class))
        };
        for (what, digits, found, floor) in [
            ("  least of a class", 3, found.worst_share(), floor.worst_share()),
            ("  largest distance", 2, found.worst_frechet(), floor.worst_frechet()),
        ] {
            if let Some((found, (_, floor))) = found.zip(floor) {
                lines.push(format!("  {what:<22}{}{floor:>9.digits$}", worst(found, digits)));
            }
        }
    }
    let percent = |shares: &[f64]| {
        let cells: Vec<_> = shares.iter().map(|share| format!("{:>4.1}", 100.0 * share)).collect();
        cells.join(" ")
    };
    let (Some(found), Some(floor)) = (&found.classes, &floor.classes) else {
        lines.push(
            "  no measures of classes: the feature extractor was trained without labels".into(),
        );
        return lines.join("\n");
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
            let names: Vec<_> = missing.iter().map(|&class| name(class)).collect();
            format!("  missing classes (below a tenth of their share): {}", names.join(", "))
        }
    });
    lines.join("\n")
}
