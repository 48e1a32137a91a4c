//! The command-line programs.
//!
//! One folder per program; what several of them share is in `common`, which imports none of
//! them. Data is written to stdout, everything else to stderr, and a closed pipe is an error,
//! not a panic.

mod common;
pub mod eval;
pub mod report;
pub mod runs;
pub mod sample;
pub mod train;
pub mod watch;

pub use common::exit::run;

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::common::exit::command;

    #[test]
    fn the_command_lines_are_valid() {
        command::<train::TrainArgs>().debug_assert();
        command::<sample::SampleArgs>().debug_assert();
        command::<eval::EvalArgs>().debug_assert();
        command::<report::ReportArgs>().debug_assert();
        command::<runs::RunsArgs>().debug_assert();
        command::<watch::WatchArgs>().debug_assert();
    }

    #[test]
    fn every_program_lists_its_exit_codes() {
        for command in [
            train::TrainArgs::command(),
            sample::SampleArgs::command(),
            eval::EvalArgs::command(),
            report::ReportArgs::command(),
            runs::RunsArgs::command(),
            watch::WatchArgs::command(),
        ] {
            let after = command.get_after_help().map(ToString::to_string);
            assert!(after.is_some_and(|text| text.contains("Exit codes: 0 success")));
        }
    }
}
