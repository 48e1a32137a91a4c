//! Settings that were measured, by name, and the ranges that settings may have.

use std::fmt;

use gan_model::{GeneratorLoss, TrainingConfig};
use thiserror::Error;

/// A named set of training settings. Sizes of the nets are the same in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recipe {
    /// The best that we have measured.
    #[default]
    Default,
    /// The published nets with Adam 2e-4, β₁ 0.5 and averaged weights; never changes.
    Plain,
    /// The published settings, discriminator learning: it wins, and the digits do not come.
    Listing,
}

impl Recipe {
    /// Every recipe.
    pub const ALL: [Self; 3] = [Self::Default, Self::Plain, Self::Listing];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Plain => "plain",
            Self::Listing => "listing",
        }
    }

    /// Its settings, and the default ones where it has no opinion.
    #[must_use]
    pub fn training(self) -> TrainingConfig {
        let plain = TrainingConfig {
            recipe: self.name().into(),
            epochs: 10_000,
            batch: 128,
            lr: 2e-4,
            beta1: 0.5,
            beta2: 0.999,
            epsilon: 1e-8,
            ema: 0.999,
            loss: GeneratorLoss::Bce,
            seed: 0,
            sample_every: 1_000,
            checkpoint_every: 1_000,
        };
        match self {
            // Within 10 000 epochs, larger steps reach sharper digits of more kinds.
            Self::Default => TrainingConfig { lr: 7e-4, ..plain },
            Self::Plain => plain,
            // Keras' own defaults of Adam, and no averaging.
            Self::Listing => {
                TrainingConfig { lr: 1e-3, beta1: 0.9, epsilon: 1e-7, ema: 0.0, ..plain }
            }
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A setting out of its range.
#[derive(Debug, Error, PartialEq)]
#[error("{name} is {found}; expected {expected}")]
pub struct SettingsError {
    /// The setting, as its flag is called without the dashes.
    pub name: &'static str,
    /// Its value.
    pub found: String,
    /// Its range.
    pub expected: &'static str,
}

/// Checks every setting against its range, before anything is computed.
///
/// # Errors
/// Names the first setting that is out of its range.
pub fn validate(config: &TrainingConfig) -> Result<(), SettingsError> {
    let check = |name, fits: bool, found: &dyn fmt::Display, expected| {
        if fits { Ok(()) } else { Err(SettingsError { name, found: found.to_string(), expected }) }
    };
    let decay = |name, x: f64| check(name, (0.0..1.0).contains(&x), &x, "0 or more, below 1");
    check("batch", (1..=65_536).contains(&config.batch), &config.batch, "1 to 65536")?;
    check("lr", config.lr > 0.0 && config.lr <= 10.0, &config.lr, "more than 0, at most 10")?;
    decay("beta1", config.beta1)?;
    decay("beta2", config.beta2)?;
    decay("ema", config.ema)?;
    check("epsilon", config.epsilon > 0.0, &config.epsilon, "more than 0")?;
    for (name, every) in
        [("sample-every", config.sample_every), ("checkpoint-every", config.checkpoint_every)]
    {
        check(name, every > 0, &every, "1 or more")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_is_valid_and_plain_never_changes() {
        for recipe in Recipe::ALL {
            assert_eq!(validate(&recipe.training()), Ok(()));
            assert_eq!(recipe.training().recipe, recipe.name());
        }
        let plain = Recipe::Plain.training();
        assert_eq!((plain.lr, plain.beta1, plain.ema, plain.batch), (2e-4, 0.5, 0.999, 128));
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let error = |change: fn(&mut TrainingConfig)| {
            let mut config = Recipe::Plain.training();
            change(&mut config);
            validate(&config).unwrap_err().to_string()
        };
        assert_eq!(error(|c| c.batch = 0), "batch is 0; expected 1 to 65536");
        assert_eq!(error(|c| c.lr = -1.0), "lr is -1; expected more than 0, at most 10");
        assert_eq!(error(|c| c.lr = f64::NAN), "lr is NaN; expected more than 0, at most 10");
        assert!(error(|c| c.ema = 1.0).starts_with("ema is 1;"));
        assert!(error(|c| c.beta1 = f64::INFINITY).starts_with("beta1 is inf;"));
        assert!(error(|c| c.sample_every = 0).starts_with("sample-every is 0;"));
    }
}
