//! The choice of the next token, and the loop over tokens.

use std::ops::ControlFlow;

use anyhow::{Result, anyhow, ensure};
use rand::RngExt;
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
    fn draw(&self, logits: &[f32], rng: &mut ChaCha8Rng) -> u32 {
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
        let kept = weights.iter().position(|weight| {
            sum += weight;
            sum >= limit
        });
        weights.truncate(kept.map_or(weights.len(), |last| last + 1));
        order[draw(&weights, rng.random())]
    }
}

/// An index, drawn by a uniform number in [0, 1) with probabilities in proportion to the weights.
pub fn draw(weights: &[f64], uniform: f64) -> usize {
    let mut left = uniform * weights.iter().sum::<f64>();
    let drawn = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    drawn.unwrap_or(weights.len() - 1)
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
/// See [`check`].
pub fn generate(
    net: &Gpt2,
    config: &Config,
    mut text: Vec<u32>,
    max_length: usize,
    mut sampling: Option<(Sampling, &mut ChaCha8Rng)>,
    use_cache: bool,
    mut chosen: impl FnMut(u32) -> ControlFlow<()>,
) -> Result<Vec<u32>> {
    check(config, &text, max_length)?;
    let mut cache = net.cache();
    let mut seen = 0;
    while text.len() < max_length {
        let features = if use_cache {
            net.features(&text[seen..], seen, Some(&mut cache))
        } else {
            net.features(&text, 0, None)
        };
        seen = text.len();
        let [rows, _] = features.dims();
        let last = net.logits(features.narrow(0, rows - 1, 1)).into_data();
        let last = last.try_into_vec::<f32>().map_err(|error| anyhow!("{error:?}"))?;
        let token = match &mut sampling {
            Some((sampling, rng)) => sampling.draw(&last, rng),
            None => most_probable(&last),
        };
        text.push(token);
        if config.eos_token_id == Some(token) || chosen(token).is_break() {
            break;
        }
    }
    Ok(text)
}
