//! SLURM: the job that this process is in.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};

use super::output;

/// How long before a job's time limit a checkpoint is written.
const BEFORE_LIMIT: Duration = Duration::from_mins(1);

/// A job of SLURM.
#[derive(Clone, Debug)]
pub struct Job {
    id: String,
    /// When its time limit ends it, if it has one and that is known.
    ends: Option<Instant>,
}

impl Job {
    /// The job that this process is in, if any.
    pub fn detect() -> Option<Self> {
        let var = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        // The id of one task of an array is that of the whole array.
        let id = match (var("SLURM_ARRAY_JOB_ID"), var("SLURM_ARRAY_TASK_ID")) {
            (Some(array), Some(task)) => format!("{array}_{task}"),
            _ => var("SLURM_JOB_ID")?,
        };
        let left = left_by_environment().or_else(|| left_by_squeue(&id));
        Some(Self { ends: left.and_then(|left| Instant::now().checked_add(left)), id })
    }

    /// When a checkpoint is due because the time limit is near; at half of the time if little is
    /// left.
    pub fn save_at(&self) -> Option<Instant> {
        let left = self.left()?;
        self.ends?.checked_sub(BEFORE_LIMIT.min(left / 2))
    }

    /// Puts the job back into the queue after a signal, unless it was cancelled or SLURM does it; says
    /// what was done.
    ///
    /// # Errors
    /// When SLURM refuses.
    pub fn requeue(&self) -> Result<String> {
        let id = &self.id;
        let shown = Command::new("scontrol").args(["show", "job", id]).output();
        let shown = shown.context("scontrol cannot be started")?;
        let shown = String::from_utf8_lossy(&shown.stdout);
        let value = |name: &str| {
            let value = |word: &str| word.strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
            shown.split_whitespace().find_map(value).unwrap_or_default()
        };
        // A job that SLURM requeues counts the restart before this process is told to end; one that
        // is cancelled does not.
        let restarts = |count: Option<String>| count.and_then(|count| count.parse::<u32>().ok());
        let before = restarts(env::var("SLURM_RESTART_COUNT").ok()).unwrap_or(0);
        if restarts(Some(value("Restarts"))).is_some_and(|restarts| restarts > before) {
            return Ok(format!("job {id} is requeued by SLURM"));
        }
        if value("JobState") != "RUNNING" && value("Reason") != "TimeLimit" {
            return Ok(format!("job {id} was cancelled, and is not requeued"));
        }
        let ran = Command::new("scontrol").args(["requeue", id]).output()?;
        ensure!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr).trim());
        Ok(format!("job {id} is requeued"))
    }

    fn left(&self) -> Option<Duration> {
        Some(self.ends?.saturating_duration_since(Instant::now()))
    }

    /// The job and its limit, for people.
    pub fn describe(&self) -> String {
        let time = |time: Duration| output::duration(time.as_secs_f64());
        let limit = match self.left() {
            None => "no time limit, or none that squeue tells".into(),
            Some(left) => format!(
                "{} left; a checkpoint is written {} before the end",
                time(left),
                time(BEFORE_LIMIT.min(left / 2))
            ),
        };
        format!("SLURM job {}, {limit}", self.id)
    }
}

/// Newer versions set the time of the end, in seconds of the Unix epoch.
fn left_by_environment() -> Option<Duration> {
    let ends = env::var("SLURM_JOB_END_TIME").ok()?.parse().ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Duration::from_secs(ends).checked_sub(now)
}

fn left_by_squeue(id: &str) -> Option<Duration> {
    let asked = Command::new("squeue").args(["--noheader", "--format=%L", "--jobs", id]).output();
    parse_left(std::str::from_utf8(&asked.ok()?.stdout).ok()?.trim())
}

/// From `days-hours:minutes:seconds`, of which the first may be missing.
fn parse_left(text: &str) -> Option<Duration> {
    let (days, time) = text.split_once('-').unwrap_or(("0", text));
    let mut seconds = 0_u64;
    for part in time.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let days = days.parse::<u64>().ok()?.checked_mul(24 * 60 * 60)?;
    time.contains(':').then(|| Duration::from_secs(days.saturating_add(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_squeue_are_parsed() {
        let parsed = |text| parse_left(text).map(|left| left.as_secs());
        assert_eq!(parsed("0:07"), Some(7));
        assert_eq!(parsed("59:30"), Some(3570));
        assert_eq!(parsed("2:00:00"), Some(7200));
        assert_eq!(parsed("1-00:00:01"), Some(86_401));
        for none in ["UNLIMITED", "INVALID", "NOT_SET", "", "7", "1-7", "99999999999999999999:00"] {
            assert_eq!(parsed(none), None, "{none}");
        }
    }
}
