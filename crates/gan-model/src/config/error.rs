//! A setting outside its range.

use std::fmt::Display;

use thiserror::Error;

/// The widest layer or latent vector.
pub(crate) const MAX_WIDTH: usize = 1 << 16;

/// A setting outside its range.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{name} is {found}; expected {expected}")]
pub struct ConfigError {
    /// The setting, named as its flag without the dashes.
    pub name: &'static str,
    /// Its value.
    pub found: String,
    /// Its range.
    pub expected: String,
}

impl ConfigError {
    /// Refuses `found` unless it `fits`.
    ///
    /// # Errors
    /// When it does not.
    pub fn unless(
        fits: bool,
        name: &'static str,
        found: impl Display,
        expected: impl Display,
    ) -> Result<(), Self> {
        if fits {
            return Ok(());
        }
        Err(Self { name, found: found.to_string(), expected: expected.to_string() })
    }

    /// Refuses `found` outside of 1 to `max`.
    pub(crate) fn unless_width(name: &'static str, found: usize, max: usize) -> Result<(), Self> {
        Self::unless((1..=max).contains(&found), name, found, format_args!("1 to {max}"))
    }
}
