//! GPT-2 from a folder as `transformers` saves it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig};
use burn::tensor::{DType, Device, Int, Tensor};
use burn_store::{
    ApplyResult, FloatCastAdapter, KeyRemapper, ModuleSnapshot, ModuleStore, PytorchStore,
    SafetensorsStore,
};
use gan_kernels::{Activation, Map, affine_vjp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::transformer::{Block, Cache};

/// The fields of `config.json` that define the net.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Width of the blocks.
    pub n_embd: usize,
    /// Heads of each block's attention.
    pub n_head: usize,
    /// Blocks.
    pub n_layer: usize,
    /// Maximum number of tokens of a text.
    pub n_positions: usize,
    /// Size of the vocabulary.
    pub vocab_size: usize,
    /// Units of a block's hidden layer, 4 `n_embd` if absent.
    pub n_inner: Option<usize>,
    #[serde(default = "epsilon")]
    layer_norm_epsilon: f64,
    /// The tokens that end a text.
    #[serde(skip)]
    pub ends: Vec<u32>,
    #[serde(flatten)]
    others: Value,
}

fn epsilon() -> f64 {
    1e-5
}

/// The net: embeddings of tokens and positions, blocks, and logits with the same embeddings of tokens.
#[derive(Module, Debug)]
pub struct Gpt2 {
    wte: Param<Tensor<2>>,
    wpe: Param<Tensor<2>>,
    h: Vec<Block>,
    ln_f: LayerNorm,
}

impl Config {
    /// Reads `config.json` of a folder, and what ends a text from its `generation_config.json`.
    ///
    /// # Errors
    /// When it is missing, or is not of a GPT-2 that is known here.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let mut config: Self = json_of(folder, &path)?;
        let file = path.display();
        // One token or several; `generate` prefers its own file, and what no file has is GPT-2's.
        let generation = folder.join("generation_config.json");
        let generation: Value =
            if generation.exists() { json_of(folder, &generation)? } else { Value::Null };
        let [own, general] = [&generation, &config.others].map(|file| file.get("eos_token_id"));
        let ends = match own.or(general).cloned().unwrap_or_else(|| json!(50_256)) {
            Value::Null => json!([]),
            Value::Array(ends) => ends.into(),
            end => json!([end]),
        };
        config.ends = serde_json::from_value(ends)
            .with_context(|| format!("{file}: eos_token_id is no token, nor a list of tokens"))?;
        let Self { n_embd, n_head, others, .. } = &config;
        for (name, known) in [
            ("model_type", json!("gpt2")),
            ("activation_function", json!("gelu_new")),
            ("scale_attn_weights", json!(true)),
            ("scale_attn_by_inverse_layer_idx", json!(false)),
            ("tie_word_embeddings", json!(true)),
            ("add_cross_attention", json!(false)),
        ] {
            let value = others.get(name).unwrap_or(&known);
            ensure!(*value == known, "{file}: {name} is {value}; expected {known}, as in GPT-2");
        }
        ensure!(
            *n_head > 0 && n_embd.is_multiple_of(*n_head),
            "{file}: n_embd is {n_embd}; expected a multiple of n_head, {n_head}"
        );
        Ok(config)
    }
}

fn json_of<T: DeserializeOwned>(folder: &Path, path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| expected(folder, path))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is no configuration of GPT-2", path.display()))
}

/// The error when a file cannot be read: the files that a folder must have.
fn expected(folder: &Path, missing: &Path) -> String {
    format!(
        "cannot read {}; expected a folder with config.json, model.safetensors (or pytorch_model.bin; one \
         file, not several) and tokenizer.json (or vocab.json and merges.txt), as \
         model.save_pretrained(\"{}\", max_shard_size=\"100GB\") writes it, or as \
         https://huggingface.co/openai-community/gpt2 has it",
        missing.display(),
        folder.display()
    )
}

impl Gpt2 {
    /// The net of a configuration without its weights: Burn allocates them when they are read first.
    fn empty(config: &Config, device: &Device) -> Self {
        let Config { n_embd: width, n_head, layer_norm_epsilon: epsilon, .. } = *config;
        let inner = config.n_inner.unwrap_or(4 * width);
        let zeros = |size: [usize; 2]| Initializer::Zeros.init(size, device);
        let block = |_| Block::new(width, inner, n_head, epsilon, device, zeros);
        Self {
            wte: zeros([config.vocab_size, width]),
            wpe: zeros([config.n_positions, width]),
            h: (0..config.n_layer).map(block).collect(),
            ln_f: LayerNormConfig::new(width).with_epsilon(epsilon).init(device),
        }
    }

    /// Reads the weights of a folder.
    ///
    /// # Errors
    /// When a file is missing or damaged, or lacks a tensor of the configuration.
    pub fn read(folder: &Path, config: &Config, device: &Device) -> Result<Self> {
        let mut net = Self::empty(config, device);
        let path = |name| Some(folder.join(name)).filter(|path| path.exists());
        let (path, tensors) = if let Some(path) = path("model.safetensors") {
            let mut store = SafetensorsStore::from_file(&path).remap(names()?);
            let tensors = store.get_all_tensors().cloned().map_err(|error| anyhow!("{error}"));
            (path, tensors)
        } else if let Some(path) = path("pytorch_model.bin") {
            let mut store = PytorchStore::from_file(&path).remap(names()?);
            let tensors = store.get_all_tensors().cloned().map_err(|error| anyhow!("{error}"));
            (path, tensors)
        } else {
            bail!("{}", expected(folder, &folder.join("model.safetensors")));
        };
        let tensors =
            tensors.with_context(|| format!("cannot read the weights of {}", path.display()))?;
        // Not by `load_from`, which transposes PyTorch's linear layers: GPT-2 stores its own otherwise.
        let tensors = tensors.into_values().collect();
        let single = Box::new(FloatCastAdapter::to(DType::F32));
        let ApplyResult { missing, errors, unused, .. } =
            net.apply(tensors, None, Some(single), false);
        // Masks are stored beside some weights.
        let weight = |name: &&String| name.starts_with("h.") && name.ends_with("weight");
        let wrong = errors.first().map(ToString::to_string);
        let wrong = wrong.or_else(|| missing.first().map(|(name, _)| format!("it lacks {name}")));
        let surplus = || unused.iter().find(weight).map(|name| format!("it also has {name}"));
        if let Some(wrong) = wrong.or_else(surplus) {
            let path = path.display();
            bail!("{path}: {wrong}; expected the tensors that config.json describes");
        }
        Ok(net)
    }

    /// The features `[tokens, width]` of the next tokens of a text, of which `seen` are in the cache.
    pub fn features(&self, tokens: &[u32], seen: usize, cache: Option<&mut [Cache]>) -> Tensor<2> {
        let device = self.wte.device();
        let ids: Vec<i32> = tokens.iter().map(|token| token.cast_signed()).collect();
        let ids = Tensor::<1, Int>::from_ints(&ids[..], &device);
        let positions = self.wpe.val().narrow(0, seen, tokens.len());
        let mut x = self.wte.val().select(0, ids) + positions;
        let mut caches = cache.map(|caches| caches.iter_mut());
        for block in &self.h {
            x = block.forward(x, 1, caches.as_mut().and_then(Iterator::next));
        }
        self.ln_f.forward(x)
    }

    /// The logits `[tokens, vocabulary]` of the next token after each, x Eᵀ, from the features x and the
    /// embeddings E: the same product as the gradient by the input of a layer with weights E.
    pub fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        affine_vjp(Map::Dense, features.clone(), self.wte.val(), features, Activation::None)
    }

    /// A cache for one text.
    pub fn cache(&self) -> Vec<Cache> {
        vec![None; self.h.len()]
    }
}

/// Names in the file to names here: some files have a prefix, and Burn names the two vectors of a
/// layer normalisation as its paper does. Embeddings are tensors here, not layers.
fn names() -> Result<KeyRemapper> {
    Ok(KeyRemapper::from_patterns(vec![
        (r"^transformer\.", ""),
        (r"^(wte|wpe)\.weight$", "$1"),
        (r"(ln_\w+)\.weight$", "$1.gamma"),
        (r"(ln_\w+)\.bias$", "$1.beta"),
    ])?)
}
