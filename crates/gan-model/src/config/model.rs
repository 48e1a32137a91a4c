//! What a model is made of: the shape of its images, its family of nets, and its limits.

use gan_core::ImageShape;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::conditional::Conditional;
use super::error::{ConfigError, MAX_WIDTH};
use crate::families::{DenseConfig, Family, NetIo};
use crate::layers::{LayerSpec, parameters};

/// A pair of nets.
///
/// The default is the published listing: a generator 100-256-512-1024-784 and a discriminator
/// 784-512-256-1. As JSON it is one flat object: these fields, `family`, and the family's own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelConfig {
    /// The images that are generated and classified.
    #[serde(flatten)]
    pub image: ImageShape,
    /// Numbers in a latent vector, the generator's input.
    pub latent: usize,
    /// How the classes of images are used; `None` for a model that ignores labels.
    #[serde(flatten)]
    pub conditional: Option<Conditional>,
    /// Images that share one logit of the discriminator (Lin et al. 2018, `PacGAN`).
    pub pack: usize,
    /// What the discriminator subtracts from every pixel, in [−1, 1]; 0 changes nothing.
    ///
    /// Hundreds of pixels that are −1 in every image move a unit's sum in the same direction, since
    /// Adam changes each of their weights by about its step size. Inputs with a mean near 0 leave
    /// that to the bias (`LeCun` et al. 1998, Efficient `BackProp`, section 4.3).
    pub pixel_mean: f64,
    /// The kind of nets, and their own settings.
    #[serde(flatten)]
    pub family: Family,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            image: ImageShape::grey(28, 28),
            latent: 100,
            conditional: None,
            pack: 1,
            pixel_mean: 0.0,
            family: Family::default(),
        }
    }
}

/// Fields that later versions added may be missing: their defaults reproduce the old behaviour.
impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            #[serde(flatten)]
            image: ImageShape,
            latent: usize,
            pack: Option<usize>,
            pixel_mean: Option<f64>,
            #[serde(flatten)]
            family: Family,
        }
        let mut found = Map::<String, Value>::deserialize(deserializer)?;
        found.entry("family").or_insert_with(|| Family::default().name().into());
        if found.get("classes").is_some_and(Value::is_null) {
            found.remove("classes");
        }
        let fields = || Value::Object(found.clone());
        let Fields { image, latent, pack, pixel_mean, family } =
            serde_json::from_value(fields()).map_err(D::Error::custom)?;
        // A flattened `Option` would be `None` where a value is invalid.
        let conditional = found.contains_key("classes").then(|| serde_json::from_value(fields()));
        let conditional = conditional.transpose().map_err(D::Error::custom)?;
        let (pack, pixel_mean) = (pack.unwrap_or(1), pixel_mean.unwrap_or(0.0));
        let config = Self { image, latent, conditional, pack, pixel_mean, family };
        // Flattened fields cannot be refused by serde itself.
        let known = serde_json::to_value(&config).map_err(D::Error::custom)?;
        match found.keys().find(|name| known.get(name).is_none()) {
            Some(unknown) => Err(D::Error::custom(format!("unknown field `{unknown}`"))),
            None => Ok(config),
        }
    }
}

impl ModelConfig {
    /// The largest number of rows or columns of an image.
    pub const MAX_SIDE: usize = 1 << 8;
    /// The largest number of weights of both nets: 256 Mi, 1 GiB of `f32`.
    pub const MAX_PARAMETERS: usize = 1 << 28;

    /// The published listing with these dense nets in place of its own.
    pub fn dense(dense: DenseConfig) -> Self {
        Self { family: Family::Dense(dense), ..Self::default() }
    }

    /// The number of classes; `None` for a model that ignores labels.
    pub fn classes(&self) -> Option<usize> {
        Some(self.conditional?.classes)
    }

    fn io(&self) -> NetIo {
        let Self { image, latent, conditional, pack, .. } = *self;
        NetIo { image, latent, conditional, pack }
    }

    pub(crate) fn generator_layers(&self) -> Vec<LayerSpec> {
        let [generator, _] = self.family.layers(self.io());
        generator
    }

    pub(crate) fn discriminator_layers(&self) -> Vec<LayerSpec> {
        let [_, discriminator] = self.family.layers(self.io());
        discriminator
    }

    /// The values between the generator's layers, such as `100-256-512-1024-784`.
    pub fn generator_summary(&self) -> String {
        summary(&self.generator_layers())
    }

    /// The values between the discriminator's layers, such as `784-512-256-1`.
    pub fn discriminator_summary(&self) -> String {
        summary(&self.discriminator_layers())
    }

    /// All numbers that a generator stores, statistics of its normalisation among them.
    pub fn generator_parameters(&self) -> usize {
        parameters(&self.generator_layers())
    }

    /// All numbers that a discriminator stores.
    pub fn discriminator_parameters(&self) -> usize {
        parameters(&self.discriminator_layers())
    }

    /// Numbers that both nets compute for one image: what memory in training grows with.
    pub fn activations(&self) -> usize {
        let layers = self.family.layers(self.io()).concat();
        let outputs = layers.iter().map(LayerSpec::outputs);
        outputs.fold(self.latent.saturating_add(self.image.len()), usize::saturating_add)
    }

    /// Images that the discriminator needs together: a batch is a multiple of it.
    pub fn batch_multiple(&self) -> usize {
        self.pack * self.discriminator_layers().iter().map(LayerSpec::group).max().unwrap_or(1)
    }

    /// Adapts what depends on the batch size, such as groups of images, so that it divides `batch`.
    pub fn fit_batch(&mut self, batch: usize) {
        self.family.fit_batch(batch / self.pack.max(1));
    }

    /// Whether the discriminator's weights are spectrally normalised.
    pub fn has_spectral_norm(&self) -> bool {
        self.discriminator_layers().iter().any(LayerSpec::has_spectral_norm)
    }

    /// Whether the generator needs a batch of more than one image in training.
    pub fn has_batch_norm(&self) -> bool {
        self.generator_layers().iter().any(LayerSpec::has_batch_norm)
    }

    /// The most numbers that a layer of the generator computes for one image, of the layers up to the
    /// last batch-normalised one; 0 without any.
    pub fn calibrated_outputs(&self) -> usize {
        let layers = self.generator_layers();
        let last = layers.iter().rposition(LayerSpec::has_batch_norm);
        let calibrated = last.map_or(&[][..], |last| &layers[..=last]);
        calibrated.iter().map(LayerSpec::outputs).max().unwrap_or(0)
    }

    /// Checks every size against the stated limits, before anything is allocated.
    ///
    /// # Errors
    /// Names the first size that is outside its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.family.validate(self.io())?;
        ConfigError::unless_width("latent", self.latent, MAX_WIDTH)?;
        ConfigError::unless_width("image height", self.image.height, Self::MAX_SIDE)?;
        ConfigError::unless_width("image width", self.image.width, Self::MAX_SIDE)?;
        let channels = self.image.channels;
        ConfigError::unless([1, 3].contains(&channels), "image channels", channels, "1 or 3")?;
        ConfigError::unless_width("pack", self.pack, 64)?;
        self.conditional.map_or(Ok(()), |conditional| conditional.validate(self.pack))?;
        let mean = self.pixel_mean;
        ConfigError::unless((-1.0..=1.0).contains(&mean), "pixel-mean", mean, "-1 to 1")?;
        let found = self.generator_parameters().saturating_add(self.discriminator_parameters());
        ConfigError::unless(
            found <= Self::MAX_PARAMETERS,
            "number of weights",
            found,
            format_args!("at most {} for both nets: use smaller layers", Self::MAX_PARAMETERS),
        )
    }
}

fn summary(layers: &[LayerSpec]) -> String {
    let inputs = layers.iter().filter(|layer| layer.parameters() > 0).map(LayerSpec::inputs);
    let widths = inputs.chain(layers.last().map(LayerSpec::outputs));
    widths.map(|width| width.to_string()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_published_listing() {
        let config = ModelConfig::default();
        assert_eq!(config.generator_summary(), "100-256-512-1024-784");
        assert_eq!(config.discriminator_summary(), "784-512-256-1");
        assert_eq!(config.generator_parameters(), 1_486_352);
        assert_eq!(config.discriminator_parameters(), 533_505);
        assert_eq!(config.validate(), Ok(()));
    }

    #[test]
    fn sizes_out_of_range_are_named() {
        let error = |change: fn(&mut ModelConfig, &mut DenseConfig)| {
            let (mut config, mut dense) = (ModelConfig::default(), DenseConfig::default());
            change(&mut config, &mut dense);
            config.family = Family::Dense(dense);
            config.validate().unwrap_err().to_string()
        };
        assert_eq!(error(|c, _| c.latent = 0), "latent is 0; expected 1 to 65536");
        assert_eq!(
            error(|_, d| d.generator_hidden = vec![8, 1 << 20]),
            "generator-hidden is 1048576; expected 1 to 65536"
        );
        assert!(error(|_, d| d.discriminator_hidden = vec![8; 17]).contains("17 layers"));
        assert!(error(|_, d| d.generator_hidden = vec![1 << 16; 2]).contains("at most 268435456"));
        assert!(error(|_, d| d.minibatch_stddev = 1).starts_with("minibatch-stddev is 1;"));
        assert!(error(|c, _| c.image.width = usize::MAX).contains("image width"));
        assert!(
            error(|c, _| c.conditional = Some(Conditional::new(1)))
                .starts_with("number of classes is 1; expected 2 to 1024")
        );
        assert_eq!(error(|c, _| c.pixel_mean = f64::NAN), "pixel-mean is NaN; expected -1 to 1");
    }

    #[test]
    fn a_record_is_flat_and_older_ones_are_read() {
        let config = ModelConfig::default();
        let json = serde_json::to_value(&config).unwrap();
        assert_eq!((&json["family"], &json["width"]), (&"dense".into(), &28.into()));
        assert_eq!(serde_json::from_value::<ModelConfig>(json.clone()).unwrap(), config);
        // As version 2 of the checkpoint has it.
        let old = r#"{"latent":100,"generator_hidden":[256,512,1024],
            "discriminator_hidden":[512,256],"height":28,"width":28}"#;
        assert_eq!(serde_json::from_str::<ModelConfig>(old).unwrap(), config);
        let conditional = ModelConfig { conditional: Some(Conditional::new(7)), ..config.clone() };
        let json_of_classes = serde_json::to_value(&conditional).unwrap();
        assert_eq!((&json_of_classes["classes"], json.get("classes")), (&7.into(), None));
        let read = serde_json::from_value::<ModelConfig>(json_of_classes.clone()).unwrap();
        assert_eq!(read, conditional);

        let refused = |name: &str, value: Value| {
            let mut json = json_of_classes.clone();
            json[name] = value;
            serde_json::from_value::<ModelConfig>(json).unwrap_err().to_string()
        };
        assert!(refused("colour", 1.into()).contains("unknown field `colour`"));
        assert!(refused("family", "other".into()).contains("unknown variant `other`"));
        let error = refused("class_head", "projektion".into());
        assert!(error.contains("unknown variant `projektion`, expected one of `projection`"));
    }
}
