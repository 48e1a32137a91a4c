//! The choice of the next token, and the loop over tokens.

use anyhow::{Result, anyhow, ensure};
use rand::distr::{Distribution, weighted::WeightedIndex};
use rand_chacha::ChaCha8Rng;

use crate::model::{Config, Gpt2};

/// How the next token is drawn; the filters apply in the order of the fields, as in `transformers`.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// Divides the logits.
    pub temperature: f64,
    /// Only so many of the most probable tokens; 0 is all.
    pub top_k: usize,
    /// Only the most probable tokens that together have this probability (Holtzman et al. 2020).
    pub top_p: f64,
}

impl Sampling {
    /// The tokens that can be drawn, the most probable first, and numbers in proportion to their
    /// probabilities.
    pub fn candidates(&self, logits: &[f32]) -> (Vec<u32>, Vec<f64>) {
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        let logit = |token: &u32| f64::from(logits[*token as usize]);
        order.sort_by(|a, b| logit(b).total_cmp(&logit(a)));
        if self.top_k > 0 {
            order.truncate(self.top_k);
        }
        let largest = logit(&order[0]);
        let mut weights: Vec<f64> =
            order.iter().map(|token| ((logit(token) - largest) / self.temperature).exp()).collect();
        let limit = self.top_p * weights.iter().sum::<f64>();
        let mut sum = 0.0;
        weights.retain(|weight| {
            sum += weight;
            sum - weight < limit
        });
        order.truncate(weights.len());
        (order, weights)
    }
}

/// The token with the largest logit, the first of equal ones.
fn most_probable(logits: &[f32]) -> u32 {
    // Of equal ones, `max_by` returns the last.
    let best = logits.iter().enumerate().rev().max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.map_or(0, |(token, _)| token as u32)
}

/// Checks that a text can be continued to `max_length` tokens.
///
/// # Errors
/// When it is empty or too long, or has a token that the net does not know.
pub fn check(config: &Config, text: &[u32], max_length: usize) -> Result<()> {
    let Config { n_positions, vocab_size, .. } = *config;
    let len = text.len();
    ensure!(len > 0, "--prompt is empty; expected at least one token");
    ensure!(
        max_length <= n_positions,
        "--max-length is {max_length}; expected at most {n_positions}, the positions that the network has"
    );
    ensure!(
        len < max_length,
        "--prompt has {len} tokens; expected fewer than --max-length, {max_length}"
    );
    let token = text.iter().max().map_or(0, |token| *token as usize);
    ensure!(
        token < vocab_size,
        "the tokenizer gave token {token}, but the network knows {vocab_size}; expected files of one model"
    );
    Ok(())
}

/// Continues a text until it has `max_length` tokens, its own among them, or ends, and passes on
/// each token but the one that ends it as it is chosen: the most probable, or a drawn one with `sampling`.
///
/// # Errors
/// See [`check`]; or what `chosen` returns.
pub fn generate(
    net: &Gpt2,
    config: &Config,
    mut text: Vec<u32>,
    max_length: usize,
    mut sampling: Option<(Sampling, &mut ChaCha8Rng)>,
    use_cache: bool,
    mut chosen: impl FnMut(u32) -> Result<()>,
) -> Result<Vec<u32>> {
    check(config, &text, max_length)?;
    let mut cache = net.cache();
    let mut seen = 0;
    while text.len() < max_length {
        let from = if use_cache { seen } else { 0 };
        let features = net.features(&text[from..], from, use_cache.then_some(&mut cache[..]));
        seen = text.len();
        let [rows, _] = features.dims();
        let last = net.logits(features.narrow(0, rows - 1, 1)).into_data();
        let last = last.try_into_vec::<f32>().map_err(|error| anyhow!("{error:?}"))?;
        let token = match &mut sampling {
            Some((sampling, rng)) => {
                let (tokens, weights) = sampling.candidates(&last);
                tokens[WeightedIndex::new(weights)?.sample(*rng)]
            }
            None => most_probable(&last),
        };
        text.push(token);
        if config.ends.contains(&token) {
            break;
        }
        chosen(token)?;
    }
    Ok(text)
}
