//! `gan-eval`: evaluates samples.

mod args;
mod measure;
mod print;
mod source;

use std::time::Instant;

pub(crate) use self::args::EvalArgs;
use self::measure::Results;
use self::source::Source;
use crate::common::{Failure, data, extractor, output};

/// # Errors
/// Any exit other than success.
pub fn main(args: &EvalArgs) -> Result<(), Failure> {
    let begin = Instant::now();
    args.check()?;
    let device = args.device.select()?;
    let source = Source::open(args, &device)?;
    let quiet = args.output.quiet;
    let mut data = data::load(&source::dataset(args, source.as_ref()), quiet)?;
    let named = args.feature_extractor.as_deref();
    let extractor = extractor::choose(named, &mut data, &device.device, quiet)?;
    let Some(source) = source else { return Ok(()) };
    let results = Results::measure(args, source, &mut data, extractor, &device)?;

    let seconds = begin.elapsed().as_secs_f64();
    if args.output.json {
        output::print_json(&print::json(&results, args, seconds))?;
    } else {
        output::print(print::text(&results))?;
        if !quiet {
            output::log(format!("\nmeasured in {}", output::duration(seconds)));
        }
    }
    Ok(())
}
