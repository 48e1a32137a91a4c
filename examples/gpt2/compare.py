"""Times our program beside `transformers`, on a random GPT-2 of the full size (124 M weights).

    cargo build --release -p gpt2
    python examples/gpt2/compare.py

Writes the model to a folder of its own, then runs both in turn: each starts, reads the model, and
writes a text of 60 tokens and one of 160, `transformers` on two threads and ours on every processor. Prints
tokens a second, from the difference of the two, and the largest memory of any process. Needs torch,
transformers and an idle machine.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = HERE.parent.parent / "target/release/gpt2"
PROMPT = "Artificial intelligence is revolutionizing"
THEIRS = """
import sys, time, torch, transformers
from tokenizers import Tokenizer
torch.set_num_threads(2)
folder, length = sys.argv[1], int(sys.argv[2])
model = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
tokens = torch.tensor([Tokenizer.from_file(folder + "/tokenizer.json").encode(sys.argv[3]).ids])
with torch.no_grad():
    print(model.generate(tokens, max_length=length, do_sample=False)[0].tolist())
"""
MAKE = """
import sys, torch, transformers
torch.manual_seed(0)
transformers.GPT2LMHeadModel(transformers.GPT2Config(initializer_range=0.1)).save_pretrained(sys.argv[1])
"""
ROUNDS = 5


def measure(command):
    """Seconds, and the largest resident memory in MB."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command[0]} failed")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", MAKE, folder], check=True, stderr=subprocess.DEVNULL)
        shutil.copy(HERE / "tests/tiny/tokenizer.json", folder)
        ours = lambda n: [PROGRAM, "--model", folder, "--prompt", PROMPT, "--max-length", str(n)]
        theirs = lambda n: [sys.executable, "-c", THEIRS, folder, str(n), PROMPT]
        few, many = 60, 160
        rates, memory = {"ours": [], "transformers": []}, {}
        for _ in range(ROUNDS):
            for name, command in [("ours", ours), ("transformers", theirs)]:
                (short, _), (long, peak) = measure(command(few)), measure(command(many))
                rates[name].append((many - few) / (long - short))
                memory[name] = max(peak, memory.get(name, 0))
        for name, rate in rates.items():
            print(f"{name:13} {statistics.median(rate):6.1f} tokens/s  {memory[name]:5.0f} MB")
        ratio = statistics.median(a / b for a, b in zip(*rates.values()))
        print(f"ours / transformers, median of the rounds: {ratio:.2f}")


if __name__ == "__main__":
    main()
