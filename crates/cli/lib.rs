//! The command-line programs.
//!
//! One file or folder per program; what several of them share is in `common`, which imports none
//! of them. Data is written to stdout, everything else to stderr, and a closed pipe is an error,
//! not a panic.

mod common;
pub mod eval;
pub mod report;
pub mod runs;
pub mod sample;
pub mod sweep;
pub mod train;
pub mod watch;

pub use common::run::run;

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::builder::StyledStr;

    use super::*;
    use crate::common::run::command;

    fn check<A: Parser>() {
        let command = command::<A>();
        let text = |text: Option<&StyledStr>| text.map(ToString::to_string);
        assert_eq!(text(command.get_about()), text(A::command().get_about()));
        assert!(text(command.get_after_help()).unwrap().contains("Exit codes: 0 success"));
        command.debug_assert();
    }

    #[test]
    fn command_lines_are_valid_and_describe_their_program() {
        check::<train::TrainArgs>();
        check::<sample::SampleArgs>();
        check::<eval::EvalArgs>();
        check::<report::ReportArgs>();
        check::<runs::RunsArgs>();
        check::<sweep::SweepArgs>();
        check::<watch::WatchArgs>();
    }
}
