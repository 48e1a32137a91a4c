"""Writes a small random GPT-2 with `transformers`, and what it computes, for the tests.

    python reference.py tests/tiny

The folder gets the model's files, its weights also as PyTorch saves them (`old.bin` as in 2019), and
`expected.json`: a prompt, its tokens, the logits after each of the last eight, a hundred tokens by
`generate`, and the probabilities from which it would draw after the last token, for some settings.
Needs torch, transformers and tokenizers.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

PROMPT = "Artificial intelligence, déjà vu: is it 1, 2 or 3?"
TEXT = [
    "Artificial intelligence is what a machine shows that learns from examples.",
    "A generator draws digits, and a discriminator tells them from real ones; each learns from the other.",
    "It is not the picture of one digit that counts but how much all of them vary.",
]


SETTINGS = [(0.7, 50, 1.0), (1.0, 0, 0.9), (1.5, 20, 0.8)]


def drawn(logits, temperature, top_k, top_p):
    """The settings, and the tokens that can be drawn with their probabilities."""
    warpers = [transformers.TemperatureLogitsWarper(temperature)]
    warpers += [transformers.TopKLogitsWarper(top_k)] if top_k else []
    warpers += [transformers.TopPLogitsWarper(top_p)] if top_p < 1 else []
    scores = transformers.LogitsProcessorList(warpers)(None, logits[None])
    probabilities = enumerate(scores.softmax(-1)[0].tolist())
    kept = {token: round(probability, 6) for token, probability in probabilities if probability > 0}
    return {"temperature": temperature, "top_k": top_k, "top_p": top_p, "probabilities": kept}


def main():
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        # Weights as large as these make logits that differ, and so a text that does not repeat itself.
        vocab_size=300, n_positions=192, n_embd=32, n_layer=2, n_head=4, initializer_range=0.4,
        bos_token_id=299, eos_token_id=299,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    model.save_pretrained(folder)
    # What PyTorch writes today, and what it wrote when GPT-2 was published: without the head, whose
    # weights are the embeddings, and without a prefix.
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    torch.save(model.transformer.state_dict(), folder / "old.bin", _use_new_zipfile_serialization=False)

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=299, initial_alphabet=alphabet))
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.model.save(str(folder))

    tokens = tokenizer.encode(PROMPT).ids
    input_ids = torch.tensor([tokens])
    with torch.no_grad():
        logits = model(input_ids).logits[0]
        text = model.generate(input_ids, max_length=len(tokens) + 100, do_sample=False)[0]
    expected = {
        "prompt": PROMPT,
        "tokens": tokens,
        "logits": [[round(x, 5) for x in row] for row in logits[-8:].tolist()],
        "text": text.tolist(),
        "drawn": [drawn(logits[-1], *settings) for settings in SETTINGS],
        "versions": {module.__name__: module.__version__ for module in (torch, transformers)},
    }
    (folder / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
