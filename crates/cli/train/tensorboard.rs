//! `--tensorboard`: event files beside the run's own record.

use gan_run::RunDir;
use gan_train::Event;
use gan_view::{EventLog, ViewError};

/// The event file of a training, until it cannot be written any more.
pub struct Events(Option<EventLog>);

impl Events {
    /// Begins it, if it is `wanted`, with the first `epoch` epochs of the run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(wanted: bool, run: &RunDir, epoch: u64) -> Result<Self, ViewError> {
        let log = wanted.then(|| EventLog::create(run, epoch)).transpose()?;
        Ok(Self(log))
    }

    /// Takes an event of the training. What fails is told once, as a warning: the run's own
    /// record has everything, and the next process begins with it.
    pub fn observe(&mut self, event: &Event) -> Option<String> {
        let log = self.0.as_mut()?;
        let told = match event {
            Event::Metrics(_) => log.write_rows(),
            Event::Sampled(epoch) => log.write_preview(*epoch),
            Event::Epoch(_) | Event::Warning(_) | Event::Saved(_) | Event::Best(_) => Ok(()),
        };
        let error = told.err()?;
        self.0 = None;
        Some(format!("warning: --tensorboard ends here: {error}"))
    }
}
