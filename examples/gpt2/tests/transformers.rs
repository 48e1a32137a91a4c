//! The same numbers and the same text as `transformers`: of a small random GPT-2 that it has saved
//! (`reference.py` wrote `tiny`).

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::{Device, bf16, f16};
use gpt2::generate::{Sampling, generate};
use gpt2::model::{Config, Gpt2};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Expected {
    prompt: String,
    tokens: Vec<u32>,
    /// After each of the last tokens.
    logits: Vec<Vec<f32>>,
    text: Vec<u32>,
    drawn: Vec<Drawn>,
}

/// The probabilities after the last token of the prompt.
#[derive(Deserialize)]
struct Drawn {
    temperature: f64,
    top_k: usize,
    top_p: f64,
    probabilities: BTreeMap<u32, f64>,
}

fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny")
}

fn expected() -> Expected {
    serde_json::from_slice(&fs::read(tiny().join("expected.json")).unwrap()).unwrap()
}

fn net(folder: &Path) -> (Config, Gpt2) {
    let config = Config::read(folder).unwrap();
    let net = Gpt2::read(folder, &config, &Device::flex()).unwrap();
    (config, net)
}

#[test]
fn logits_agree_to_a_ten_thousandth_with_and_without_the_cache() {
    let (expected, (_, net)) = (expected(), net(&tiny()));
    let mut cache = net.cache();
    // The cache gets the prompt in two pieces, then token by token.
    let mut features = vec![net.features(&expected.tokens[..7], 0, Some(&mut cache))];
    let mut seen = 7;
    for len in [20, 1, 1, 1].into_iter().chain([1; 99]).take(expected.tokens.len() - 26) {
        let tokens = &expected.tokens[seen..seen + len];
        features.push(net.features(tokens, seen, Some(&mut cache)));
        seen += len;
    }
    assert_eq!(seen, expected.tokens.len());
    let cached = burn::tensor::Tensor::cat(features, 0);
    for features in [cached, net.features(&expected.tokens, 0, None)] {
        let logits: Vec<f32> = net.logits(features).into_data().try_into_vec().unwrap();
        let wanted = expected.logits.concat();
        let last = &logits[logits.len() - wanted.len()..];
        for (found, wanted) in last.iter().zip(&wanted) {
            assert!((found - wanted).abs() < 1e-4, "{found} is not {wanted}");
        }
    }
}

#[test]
fn a_hundred_greedy_tokens_are_equal_with_and_without_the_cache() {
    let (expected, (config, net)) = (expected(), net(&tiny()));
    for use_cache in [true, false] {
        let (prompt, len) = (expected.tokens.clone(), expected.text.len());
        let mut chosen = Vec::new();
        let each = |token| {
            chosen.push(token);
            Ok(())
        };
        let text = generate(&net, &config, prompt, len, None, use_cache, each).unwrap();
        assert_eq!(text, expected.text, "with the cache: {use_cache}");
        assert_eq!(chosen, expected.text[expected.tokens.len()..]);
    }
}

#[test]
fn tokens_are_drawn_with_the_same_probabilities() {
    let expected = expected();
    for Drawn { temperature, top_k, top_p, probabilities } in expected.drawn {
        let sampling = Sampling { temperature, top_k, top_p };
        let (tokens, weights) = sampling.candidates(expected.logits.last().unwrap());
        let sum: f64 = weights.iter().sum();
        let mut found: Vec<_> = tokens.into_iter().zip(weights).collect();
        found.sort_by_key(|(token, _)| *token);
        assert_eq!(found.len(), probabilities.len(), "{sampling:?}");
        for ((token, weight), (wanted, probability)) in found.into_iter().zip(probabilities) {
            assert_eq!(token, wanted, "{sampling:?}");
            assert!((weight / sum - probability).abs() < 1e-5, "{sampling:?}, token {token}");
        }
    }
}

#[test]
fn a_text_ends_at_each_end_that_either_file_names() {
    let expected = expected();
    let (prompt, new) = expected.text.split_at(expected.tokens.len());
    let end = new[10];
    let first = new.iter().position(|token| *token == end).unwrap();
    let ended = &expected.text[..=prompt.len() + first];
    let text = |general: Value, own: Option<Value>| {
        let folder = folder(&[["model.safetensors"; 2]]);
        configure(&folder, "eos_token_id", general);
        if let Some(own) = own {
            let own = serde_json::json!({ "eos_token_id": own }).to_string();
            fs::write(folder.path().join("generation_config.json"), own).unwrap();
        }
        let (config, net) = net(folder.path());
        let len = expected.text.len();
        generate(&net, &config, prompt.to_vec(), len, None, true, |_| Ok(())).unwrap()
    };
    assert_eq!(text(end.into(), None), ended);
    assert_eq!(text(vec![299, end].into(), None), ended);
    assert_eq!(text(299.into(), Some(end.into())), ended);
    assert_eq!(text(end.into(), Some(299.into())), expected.text);
}

fn run(folder: &Path, flags: &[&str]) -> (bool, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_gpt2"));
    let output = program.arg("--model").arg(folder).args(flags).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// A folder with these files of `tiny`, each under a name of its own.
fn folder(files: &[[&str; 2]]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for [name, of] in files {
        fs::copy(tiny().join(of), folder.path().join(name)).unwrap();
    }
    folder
}

/// The configuration of `tiny` with another value.
fn configure(folder: &tempfile::TempDir, name: &str, value: Value) {
    let mut config: Value =
        serde_json::from_slice(&fs::read(tiny().join("config.json")).unwrap()).unwrap();
    config[name] = value;
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
}

#[test]
fn the_program_reads_every_kind_of_files_and_draws_the_same_text_for_the_same_seed() {
    let prompt = expected().prompt;
    let flags = ["--prompt", &prompt, "--max-length", "80"];
    let safetensors = run(&tiny(), &flags);
    assert!(safetensors.0 && safetensors.1.starts_with(&prompt), "{}", safetensors.2);
    for weights in ["pytorch_model.bin", "old.bin"] {
        let folder =
            folder(&[["vocab.json"; 2], ["merges.txt"; 2], ["pytorch_model.bin", weights]]);
        // Published configurations also have the old name of n_positions.
        configure(&folder, "n_ctx", 192.into());
        assert_eq!(run(folder.path(), &flags), safetensors, "{weights}");
    }

    // A tokenizer is saved with the padding and truncation of its last use.
    let padded = folder(&[["config.json"; 2], ["model.safetensors"; 2]]);
    let mut tokenizer: Value =
        serde_json::from_slice(&fs::read(tiny().join("tokenizer.json")).unwrap()).unwrap();
    tokenizer["padding"] = serde_json::json!({
        "strategy": { "Fixed": 64 }, "direction": "Left", "pad_to_multiple_of": null,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "!",
    });
    tokenizer["truncation"] = serde_json::json!({
        "direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0,
    });
    fs::write(padded.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    assert_eq!(run(padded.path(), &flags), safetensors);

    let slow = run(&tiny(), &[&flags[..], &["--no-cache"]].concat());
    assert_eq!(slow, safetensors);
    let several = ["--temperature", "0.8", "--num-return-sequences", "3"];
    let (ok, text, error) = run(&tiny(), &[&flags[..], &several].concat());
    assert!(ok, "{error}");
    let texts: Vec<_> = text.trim_end().split("\n---\n").collect();
    assert!(texts.len() == 3 && texts.iter().all(|text| text.starts_with(&prompt)), "{text}");
    assert!(texts[0] != texts[1] && texts[1] != texts[2], "{text}");

    let drawn = |seed| {
        let flags = [&flags[..], &["--top-k", "20", "--top-p", "0.9", "--seed", seed]].concat();
        run(&tiny(), &flags).1
    };
    assert_eq!(drawn("1"), drawn("1"));
    assert_ne!(drawn("1"), drawn("2"));
}

/// `tiny` with each of its numbers as so many bytes of a type.
fn with_weights_as<const N: usize>(
    kind: &str,
    bytes: impl Fn(f32) -> [u8; N],
) -> tempfile::TempDir {
    let folder = folder(&[["config.json"; 2], ["tokenizer.json"; 2]]);
    // Eight bytes of length, a header in JSON, the numbers.
    let file = fs::read(tiny().join("model.safetensors")).unwrap();
    let numbers = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&file[8..numbers]).unwrap();
    for (_, tensor) in header.as_object_mut().unwrap().iter_mut().filter(|x| x.0 != "__metadata__")
    {
        assert_eq!(tensor["dtype"], "F32");
        tensor["dtype"] = kind.into();
        for offset in tensor["data_offsets"].as_array_mut().unwrap() {
            *offset = (offset.as_u64().unwrap() / 4 * N as u64).into();
        }
    }
    let (header, (words, [])) = (header.to_string(), file[numbers..].as_chunks()) else { panic!() };
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.extend(words.iter().flat_map(|&word| bytes(f32::from_le_bytes(word))));
    fs::write(folder.path().join("model.safetensors"), file).unwrap();
    folder
}

#[test]
fn weights_of_half_the_precision_are_those_numbers() {
    let text = |folder: tempfile::TempDir| {
        let (ok, text, error) = run(folder.path(), &["--prompt", "The", "--max-length", "60"]);
        assert!(ok, "{error}");
        text
    };
    for (half, same) in [
        (
            with_weights_as("F16", |x| f16::from_f32(x).to_le_bytes()),
            with_weights_as("F32", |x| f16::from_f32(x).to_f32().to_le_bytes()),
        ),
        (
            with_weights_as("BF16", |x| bf16::from_f32(x).to_le_bytes()),
            with_weights_as("F32", |x| bf16::from_f32(x).to_f32().to_le_bytes()),
        ),
    ] {
        let tokens: Vec<u32> = (0..30).collect();
        let logits = |folder: &tempfile::TempDir| {
            let (_, net) = net(folder.path());
            net.logits(net.features(&tokens, 0, None)).into_data()
        };
        assert_eq!(logits(&half), logits(&same));
        assert_eq!(text(half), text(same));
    }
}

#[test]
fn errors_say_what_is_missing() {
    let (ok, _, error) = run(Path::new("nowhere"), &["--prompt", "x"]);
    assert!(!ok);
    for part in ["nowhere/config.json", "model.safetensors", "tokenizer.json", "huggingface.co"] {
        assert!(error.contains(part), "{error}");
    }
    let long = run(&tiny(), &["--prompt", "x", "--max-length", "193"]);
    assert!(long.2.contains("--max-length is 193; expected at most 192"), "{}", long.2);
    for (name, value, expected) in [
        ("scale_attn_weights", false.into(), "scale_attn_weights is false; expected true"),
        ("add_cross_attention", true.into(), "add_cross_attention is true; expected false"),
        ("eos_token_id", "end".into(), "eos_token_id is no token, nor a list of tokens"),
        ("n_layer", 1.into(), "it also has h.1.attn.c_attn.weight"),
        ("n_layer", 3.into(), "lacks h.2.attn.c_attn.bias"),
        ("n_embd", 16.into(), "expected the tensors that config.json describes"),
    ] {
        let folder = folder(&[["model.safetensors"; 2], ["tokenizer.json"; 2]]);
        configure(&folder, name, value);
        let (ok, _, error) = run(folder.path(), &["--prompt", "x"]);
        assert!(!ok && error.contains(expected), "{error}");
    }
    let older = folder(&[["config.json"; 2], ["vocab.json"; 2], ["merges.txt"; 2]]);
    fs::write(older.path().join("added_tokens.json"), "{}").unwrap();
    let (ok, _, error) = run(older.path(), &["--prompt", "x"]);
    assert!(!ok && error.contains("added_tokens.json is not read; expected tokenizer.json"));
    let several = run(&tiny(), &["--prompt", "x", "--num-return-sequences", "2"]);
    assert!(several.2.contains("--temperature"), "{}", several.2);
}
