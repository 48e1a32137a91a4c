//! Named settings that were measured, and the ranges of all settings.

use std::fmt;

use gan_model::{
    ClassHead, Conditional, ConfigError, ConvConfig, DenseConfig, Family, Loss, ModelConfig,
    Normalisation, Schedule, TrainingConfig,
};

use crate::trainer::POPULATION;

/// A named set of settings; `docs/recipes.md` has what each was measured to give. The widths of
/// dense nets are the same in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recipe {
    /// The best that we have measured for 10 000 epochs.
    #[default]
    Default,
    /// The best with classes for 10 000 epochs.
    Conditional,
    /// Classes that are clear after 1500 epochs.
    ConditionalShort,
    /// Convolutional nets for 10 000 epochs.
    Conv,
    /// Convolutional nets with classes for 10 000 epochs.
    ConvConditional,
    /// For 100 000 epochs.
    Long,
    /// The best with exactly the published nets.
    ListingTuned,
    /// The published nets with Adam 2e-4, β₁ 0.5 and averaged weights; never changes.
    Plain,
    /// The published settings with a discriminator that is trained: it wins, and no digits appear.
    Listing,
}

impl Recipe {
    /// Every recipe.
    pub const ALL: [Self; 9] = [
        Self::Default,
        Self::Conditional,
        Self::ConditionalShort,
        Self::Conv,
        Self::ConvConditional,
        Self::Long,
        Self::ListingTuned,
        Self::Plain,
        Self::Listing,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Conditional => "conditional",
            Self::ConditionalShort => "conditional-short",
            Self::Conv => "conv",
            Self::ConvConditional => "conv-conditional",
            Self::Long => "long",
            Self::ListingTuned => "listing-tuned",
            Self::Plain => "plain",
            Self::Listing => "listing",
        }
    }

    /// What it is for, in one line.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Default => "the best that we have measured for 10000 epochs",
            Self::Conditional => "networks that can be asked for a class, for images with labels",
            Self::ConditionalShort => {
                "the same for 1500 epochs, which it does unless told otherwise"
            }
            Self::Conv => "convolutional networks; sides of images are multiples of 4, 16 to 64",
            Self::ConvConditional => "convolutional networks that can be asked for a class",
            Self::Long => "for 100000 epochs, which it does unless told otherwise",
            Self::ListingTuned => "exactly the published nets, with tuned training",
            Self::Plain => "the published nets with Adam 2e-4 and averaged weights; never changes",
            Self::Listing => "the published settings, under which the discriminator wins",
        }
    }

    /// Its settings.
    pub fn settings(self) -> (ModelConfig, TrainingConfig) {
        let published = ModelConfig::default();
        let plain = TrainingConfig { recipe: self.name().into(), ..TrainingConfig::default() };
        // Batch normalisation lets the generator train with larger steps. The discriminator sees
        // the variety of a batch, is regularised by a gradient penalty, and gets MNIST's pixels
        // with a mean near 0.
        let normalised = |minibatch_stddev| ModelConfig {
            pixel_mean: -0.74,
            ..ModelConfig::dense(DenseConfig {
                generator_norm: Normalisation::Batch,
                minibatch_stddev,
                ..DenseConfig::default()
            })
        };
        let classes = |class_weight| {
            Some(Conditional {
                class_embedding: 24,
                class_head: ClassHead::ProjectionAuxiliary,
                class_weight,
                ..Conditional::new(10)
            })
        };
        let conditional =
            |class_weight| ModelConfig { conditional: classes(class_weight), ..normalised(8) };
        // Dense layers let the discriminator judge the whole image.
        let conv = |discriminator_hidden: &[usize], more| ModelConfig {
            pixel_mean: -0.74,
            family: Family::Conv(ConvConfig {
                discriminator_hidden: discriminator_hidden.into(),
                minibatch_stddev: 8,
                ..more
            }),
            ..published.clone()
        };
        let fast = TrainingConfig {
            lr: 2e-3,
            d_lr: Some(1.5e-3),
            beta1: 0.0,
            beta2: 0.99,
            r1: 0.1,
            penalty_every: 4,
            ..plain.clone()
        };
        let falling = Schedule::Linear;
        match self {
            Self::Default => (normalised(4), fast),
            // Larger steps of the discriminator keep the samples of a class as varied as real ones;
            // a little of the predicted class makes clear which it is.
            Self::Conditional => {
                let fast = TrainingConfig { lr: 1.2e-3, d_lr: Some(3e-3), ..fast };
                (conditional(0.03), fast)
            }
            // Without classes, dense layers let the generator compose the whole image, too.
            Self::Conv => {
                let generator_hidden = vec![256, 512];
                let model =
                    conv(&[256, 128], ConvConfig { generator_hidden, ..ConvConfig::default() });
                (model, TrainingConfig { d_lr: Some(3e-3), r1: 0.5, schedule: falling, ..fast })
            }
            Self::ConvConditional => {
                let generator_norm = Normalisation::None;
                let model = conv(&[256], ConvConfig { generator_norm, ..ConvConfig::default() });
                let falling = TrainingConfig { schedule: falling, ..fast };
                let training = TrainingConfig { lr: 1.2e-3, d_lr: Some(3e-3), ..falling };
                (ModelConfig { conditional: classes(0.03), ..model }, training)
            }
            // In so short a time classes can be clear, but samples not as varied.
            Self::ConditionalShort => {
                let short = TrainingConfig { epochs: 1_500, schedule: falling, ..fast };
                (conditional(0.3), TrainingConfig { d_lr: Some(2.5e-3), ..short })
            }
            Self::Long => {
                let epochs = 100_000;
                let long = TrainingConfig { epochs, schedule: falling, penalty_every: 2, ..fast };
                (normalised(4), TrainingConfig { ema: 0.9998, ..long })
            }
            // Subtracting a mean is a change of the first layer's bias, so these are the published nets.
            Self::ListingTuned => {
                let shifted = ModelConfig { pixel_mean: -0.74, ..published };
                let tuned =
                    TrainingConfig { lr: 1e-3, d_lr: None, r1: 0.2, penalty_every: 1, ..fast };
                (shifted, tuned)
            }
            Self::Plain => (published, plain),
            // Keras' defaults of Adam, and no moving average.
            Self::Listing => {
                let keras =
                    TrainingConfig { lr: 1e-3, beta1: 0.9, epsilon: 1e-7, ema: 0.0, ..plain };
                (published, keras)
            }
        }
    }

    /// Its settings of the training alone.
    pub fn training(self) -> TrainingConfig {
        self.settings().1
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The most numbers that the layers of both nets compute in a step: 1 Gi, or 4 GiB; training needs
/// a multiple of that.
const MAX_NUMBERS: usize = 1 << 30;

/// Images and latents of all updates of a step, and the outputs of all layers in one of them.
fn numbers_of_a_step(model: &ModelConfig, config: &TrainingConfig) -> usize {
    let images = (config.d_steps * config.batch).saturating_mul(model.latent + model.image.len());
    images.saturating_add((2 * config.batch).saturating_mul(model.activations()))
}

/// About how many bytes a training needs in addition to its data set: each parameter with its
/// gradient, moments, moving average and their copies while a checkpoint is written; a step; and
/// what does not depend on the settings.
pub fn memory_needed(model: &ModelConfig, config: &TrainingConfig) -> usize {
    let parameters = model.generator_parameters().saturating_add(model.discriminator_parameters());
    // The sums of a layer, what they were computed from, and their squares.
    let calibration = (3 * POPULATION).saturating_mul(model.calibrated_outputs());
    let numbers = parameters.saturating_mul(12).saturating_add(numbers_of_a_step(model, config));
    numbers.saturating_add(calibration).saturating_mul(4).saturating_add(32 << 20)
}

/// Checks every setting against its range, before anything is computed.
///
/// # Errors
/// Names the first setting that is out of its range.
pub fn validate(model: &ModelConfig, config: &TrainingConfig) -> Result<(), ConfigError> {
    let check = |name, fits, found: &dyn fmt::Display, expected: &str| {
        ConfigError::unless(fits, name, found, expected)
    };
    // Below 1 in single precision, in which the step computes.
    let decay = |name, x: f64| {
        check(name, (0.0..1.0).contains(&(x as f32)), &x, "0 or more, below 1 (at most 0.99999994)")
    };
    check("epochs", config.epochs <= 1 << 40, &config.epochs, "0 to 1099511627776")?;
    check("batch", (1..=65_536).contains(&config.batch), &config.batch, "1 to 65536")?;
    check("lr", config.lr > 0.0 && config.lr <= 10.0, &config.lr, "more than 0, at most 10")?;
    if let Some(lr) = config.d_lr {
        check("d-lr", lr > 0.0 && lr <= 10.0, &lr, "more than 0, at most 10")?;
    }
    decay("beta1", config.beta1)?;
    decay("beta2", config.beta2)?;
    decay("ema", config.ema)?;
    let epsilon = config.epsilon;
    check("epsilon", (1e-30..=1.0).contains(&epsilon), &epsilon, "1e-30 to 1")?;
    decay("decay-from", config.decay_from)?;
    decay("dropout", config.dropout)?;
    let smoothing = config.label_smoothing;
    check("label-smoothing", (0.0..=0.5).contains(&smoothing), &smoothing, "0 to 0.5")?;
    for (name, x, most, expected) in [
        ("r1", config.r1, 1e6, "0 to 1000000"),
        ("r2", config.r2, 1e6, "0 to 1000000"),
        ("clip", config.clip, 1e6, "0 to 1000000"),
        ("instance-noise", config.instance_noise, 100.0, "0 to 100"),
    ] {
        check(name, (0.0..=most).contains(&x), &x, expected)?;
    }
    for (name, count) in [("d-steps", config.d_steps), ("penalty-every", config.penalty_every)] {
        check(name, (1..=1_000).contains(&count), &count, "1 to 1000")?;
    }
    check(
        "d-steps",
        config.d_steps * config.batch <= 1 << 17,
        &config.d_steps,
        "at most 131072 images a step, which is --d-steps times --batch",
    )?;
    check(
        "batch",
        numbers_of_a_step(model, config) <= MAX_NUMBERS,
        &config.batch,
        "less with layers so wide",
    )?;
    check(
        "label-smoothing",
        smoothing == 0.0 || matches!(config.loss, Loss::Bce | Loss::Minimax),
        &smoothing,
        "0 with any --loss but bce and minimax",
    )?;
    let batch = config.batch;
    check("batch", batch.is_multiple_of(model.pack), &batch, "a multiple of --pack")?;
    check(
        "batch",
        batch.is_multiple_of(model.batch_multiple()),
        &batch,
        "a multiple of --pack times --minibatch-stddev",
    )?;
    let normalised = model.has_batch_norm();
    check("batch", batch > 1 || !normalised, &batch, "2 or more with --generator-norm batch")?;
    check(
        "eval-count",
        config.eval_every == 0 || (100..=100_000).contains(&config.eval_count),
        &config.eval_count,
        "100 to 100000",
    )?;
    for (name, every) in
        [("sample-every", config.sample_every), ("checkpoint-every", config.checkpoint_every)]
    {
        check(name, every > 0, &every, "1 or more")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gan_core::ImageShape;

    use super::*;

    #[test]
    fn every_recipe_is_valid_and_plain_never_changes() {
        for recipe in Recipe::ALL {
            let (model, training) = recipe.settings();
            assert_eq!(validate(&model, &training), Ok(()));
            assert_eq!(training.recipe, recipe.name());
        }
        let model = ModelConfig {
            image: ImageShape { channels: 1, height: 28, width: 28 },
            latent: 100,
            conditional: None,
            pack: 1,
            pixel_mean: 0.0,
            family: Family::Dense(DenseConfig {
                generator_hidden: vec![256, 512, 1024],
                discriminator_hidden: vec![512, 256],
                generator_norm: Normalisation::None,
                spectral_norm: false,
                minibatch_stddev: 0,
            }),
        };
        let training = TrainingConfig {
            recipe: "plain".into(),
            epochs: 10_000,
            batch: 128,
            lr: 2e-4,
            d_lr: None,
            schedule: Schedule::Constant,
            decay_from: 0.5,
            beta1: 0.5,
            beta2: 0.999,
            epsilon: 1e-8,
            ema: 0.999,
            loss: Loss::Bce,
            d_steps: 1,
            r1: 0.0,
            r2: 0.0,
            penalty_every: 1,
            clip: 0.0,
            dropout: 0.0,
            label_smoothing: 0.0,
            instance_noise: 0.0,
            augment: Vec::new(),
            seed: 0,
            sample_every: 1_000,
            checkpoint_every: 1_000,
            eval_every: 0,
            eval_count: 2_000,
        };
        assert_eq!(Recipe::Plain.settings(), (model, training));
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let error = |change: fn(&mut TrainingConfig)| {
            let mut config = Recipe::Plain.training();
            change(&mut config);
            validate(&ModelConfig::default(), &config).unwrap_err().to_string()
        };
        assert_eq!(error(|c| c.batch = 0), "batch is 0; expected 1 to 65536");
        assert_eq!(error(|c| c.lr = -1.0), "lr is -1; expected more than 0, at most 10");
        assert_eq!(error(|c| c.lr = f64::NAN), "lr is NaN; expected more than 0, at most 10");
        assert!(error(|c| c.ema = 1.0).starts_with("ema is 1;"));
        assert!(error(|c| c.beta1 = f64::INFINITY).starts_with("beta1 is inf;"));
        assert!(error(|c| c.sample_every = 0).starts_with("sample-every is 0;"));
    }
}
