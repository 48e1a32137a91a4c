//! Writes text with a GPT-2.
//!
//!     cargo run --release -p gpt2 -- --model ./gpt2 --prompt "Artificial intelligence is" --max-length 100
#![expect(clippy::doc_markdown, reason = "the help is plain text")]

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, ensure};
use burn::tensor::Device;
use clap::Parser;
use gan_core::stream::{Purpose, stream};
use gpt2::generate::{Sampling, check, generate};
use gpt2::model::{Config, Gpt2};
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::BPE;
use tokenizers::{AddedToken, Tokenizer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Continue a text with a GPT-2.
///
/// The folder of --model is what `transformers` saves, or what https://huggingface.co/openai-community/gpt2
/// has: config.json, model.safetensors (or pytorch_model.bin), and tokenizer.json (or vocab.json and
/// merges.txt). Each next token is the most probable one, or is drawn with --temperature, --top-k or --top-p.
#[derive(Parser)]
#[command(name = "gpt2")]
struct Args {
    /// The folder of the model
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// The text to continue
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// Maximum number of tokens, with those of the prompt
    #[arg(long, default_value_t = 100, value_name = "N")]
    max_length: usize,
    /// Draw tokens from logits divided by this: below 1, probable ones are drawn more often
    /// [default: 1 with --top-k or --top-p]
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
    /// Draw from this many of the most probable tokens, 0 for all [default: 50, as in `transformers`]
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Draw from the most probable tokens that together have this probability [default: 1]
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// Number of texts; more than one needs --temperature, --top-k or --top-p
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    num_return_sequences: u64,
    /// Random seed; equal seeds give equal texts
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Compute the whole text again for each token, without the cache of keys and values: slow
    #[arg(long)]
    no_cache: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let sampling = args.sampling()?;
    let config = Config::read(&args.model)?;
    let tokenizer = tokenizer(&args.model)?;
    let prompt = tokenizer.encode(args.prompt.as_str(), true).map_err(|error| anyhow!(error))?;
    let prompt = prompt.get_ids();
    check(&config, prompt, args.max_length)?;
    let net = Gpt2::read(&args.model, &config, &Device::flex())?;

    let mut out = io::stdout().lock();
    for index in 0..args.num_return_sequences {
        if index > 0 {
            writeln!(out, "\n---")?;
        }
        let mut rng = stream(args.seed, Purpose::Sample, index);
        let sampling = sampling.map(|sampling| (sampling, &mut rng));
        write!(out, "{}", args.prompt)?;
        out.flush()?;
        // A character may take several tokens: only whole ones are shown.
        let (mut tokens, mut shown) = (prompt.to_vec(), decoded(&tokenizer, prompt)?.len());
        let show = |token| {
            tokens.push(token);
            let text = decoded(&tokenizer, &tokens)?;
            if !text.ends_with(char::REPLACEMENT_CHARACTER) {
                out.write_all(&text.as_bytes()[shown..])?;
                shown = text.len();
            }
            Ok(out.flush()?)
        };
        generate(&net, &config, prompt.to_vec(), args.max_length, sampling, !args.no_cache, show)?;
        out.write_all(&decoded(&tokenizer, &tokens)?.as_bytes()[shown..])?;
    }
    Ok(writeln!(out)?)
}

impl Args {
    /// How tokens are drawn; `None` for the most probable ones.
    fn sampling(&self) -> Result<Option<Sampling>> {
        let Self { temperature, top_k, top_p, num_return_sequences, .. } = *self;
        let draws = temperature.is_some() || top_k.is_some() || top_p.is_some();
        ensure!(
            draws || num_return_sequences == 1,
            "--num-return-sequences is {num_return_sequences}, but one text is the most probable; add --temperature 1"
        );
        let (temperature, top_p) = (temperature.unwrap_or(1.0), top_p.unwrap_or(1.0));
        ensure!(
            temperature > 0.0 && temperature.is_finite(),
            "--temperature is {temperature}; expected a number above 0"
        );
        ensure!(top_p > 0.0 && top_p <= 1.0, "--top-p is {top_p}; expected above 0, at most 1");
        Ok(draws.then_some(Sampling { temperature, top_k: top_k.unwrap_or(50), top_p }))
    }
}

fn decoded(tokenizer: &Tokenizer, tokens: &[u32]) -> Result<String> {
    tokenizer.decode(tokens, false).map_err(|error| anyhow!(error))
}

/// The end of a text: a single token.
const END: &str = "<|endoftext|>";

/// The tokenizer of a folder, from either kind of files.
fn tokenizer(folder: &Path) -> Result<Tokenizer> {
    let [whole, vocabulary, merges, added] =
        ["tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json"]
            .map(|name| folder.join(name).display().to_string());
    let exists = |path: &String| Path::new(path).exists();
    if exists(&whole) || !exists(&vocabulary) {
        let expected = "expected tokenizer.json, or vocab.json and merges.txt";
        let read = Tokenizer::from_file(&whole)
            .map_err(|error| anyhow!("cannot read {whole}: {error}; {expected}"));
        let mut tokenizer = read?;
        // A tokenizer is saved with the padding and truncation of its last use.
        tokenizer.with_padding(None).with_truncation(None).map_err(|error| anyhow!(error))?;
        return Ok(tokenizer);
    }
    ensure!(
        !exists(&added),
        "{added} is not read; expected tokenizer.json, as a tokenizer of `transformers` is saved today"
    );
    let bpe = BPE::from_file(&vocabulary, &merges).build();
    let bpe = bpe.map_err(|error| anyhow!("cannot read {vocabulary} and {merges}: {error}"))?;
    let mut tokenizer = Tokenizer::new(bpe);
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    if tokenizer.token_to_id(END).is_some() {
        let end = tokenizer.add_special_tokens([AddedToken::from(END, true)]);
        end.map_err(|error| anyhow!("{vocabulary}: {error}"))?;
    }
    Ok(tokenizer)
}
