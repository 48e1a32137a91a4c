"""Trains families of generators for equal minutes and compares their samples.

    cargo build --release && cargo build --release -p diffusion -p pixel_transformer
    python3 benches/families/run.py --data-dir data/mnist --out target/families --minutes 3 10 30

Needs Python alone and an idle machine: a short training tells the seconds of an epoch, and so how many
fit into the minutes. The folder gets the runs, the samples, a row of ten of them as PNG, and
results.jsonl, whose lines are kept: what is there is not run again. Prints a Markdown table.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = ROOT / "target" / "release"
RECIPES = ["default", "conditional", "conv", "conv-conditional"]
EXAMPLES = ["pixel_transformer", "diffusion"]
SAMPLES = 10_000
MEASURES = [("frechet", 2), ("precision", 3), ("recall", 3)]
# Epochs of the two short trainings whose difference gives the seconds of one.
SHORT = [20, 120]


def run(program, *arguments):
    """What a program prints, and the seconds that it took."""
    begin = time.perf_counter()
    command = [PROGRAMS / program, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{result.stderr}")
    return result.stdout, time.perf_counter() - begin


def train(family, data, seed, epochs, folder):
    """Seconds of a training in a new folder."""
    arguments = ["--data-dir", data, "--seed", seed, "--epochs", epochs, "--out", folder]
    if family in EXAMPLES:
        return run(family, "train", *arguments, "--sample-every", epochs)[1]
    quiet = ["--eval-every", 0, "--checkpoint-every", epochs, "--no-report", "--quiet"]
    return run("gan-train", "--recipe", family, *arguments, *quiet)[1]


def sample(family, folder, count, out, labels=None):
    """Seconds until samples of a run are written."""
    arguments = ["--count", count, "--out", out]
    if labels:
        arguments += ["--labels-out", labels]
    if family in EXAMPLES:
        return run(family, "sample", "--run", folder, *arguments)[1]
    return run("gan-sample", "--checkpoint", folder, "--scale", 2, *arguments)[1]


def seconds_of_an_epoch(family, data, scratch):
    seconds = []
    for epochs in SHORT:
        shutil.rmtree(scratch, ignore_errors=True)
        seconds.append(train(family, data, 0, epochs, scratch))
    shutil.rmtree(scratch)
    return (seconds[1] - seconds[0]) / (SHORT[1] - SHORT[0])


def measure(family, minutes, seed, data, out):
    name = f"{family}-{minutes}-{seed}"
    epochs = max(1, int(60 * minutes / seconds_of_an_epoch(family, data, out / "scratch")))
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    seconds = train(family, data, seed, epochs, folder)
    has_classes = family not in ["default", "conv"]
    samples, labels = out / f"{name}.npy", out / f"{name}-labels.npy" if has_classes else None
    sampling = sample(family, folder, SAMPLES, samples, labels)
    sample(family, folder, 10, out / f"{name}.png")
    of_class = ["--labels", labels] if has_classes else []
    text, _ = run("gan-eval", "--samples", samples, *of_class, "--data-dir", data, "--json")
    for array in filter(None, [samples, labels]):
        array.unlink()
    return {
        "family": family, "minutes": minutes, "seed": seed, "epochs": epochs,
        "seconds": round(seconds, 1), "sampling_seconds": round(sampling, 1), "figures": json.loads(text),
    }


def row(result):
    measures = result["figures"]["measures"]
    asked = measures.get("asked")
    cells = [
        result["family"], result["minutes"], result["seed"], result["epochs"], f"{result['seconds'] / 60:.1f}",
        *[f"{measures[name]['value']:.{digits}f}" for name, digits in MEASURES],
        f"{asked['share']['value']:.3f}" if asked else "", result["sampling_seconds"],
    ]
    return f"| {' | '.join(map(str, cells))} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--families", nargs="+", default=RECIPES + EXAMPLES, choices=RECIPES + EXAMPLES)
    parser.add_argument("--minutes", nargs="+", type=int, default=[10])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "results.jsonl"
    results = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    key = lambda result: (result["family"], result["minutes"], result["seed"])
    done = {key(result) for result in results}
    for minutes in args.minutes:
        for seed in args.seeds:
            for family in args.families:
                if (family, minutes, seed) in done:
                    continue
                print(f"{family}, {minutes} minutes, seed {seed}", file=sys.stderr)
                results.append(measure(family, minutes, seed, args.data_dir, args.out))
                with path.open("a") as file:
                    file.write(json.dumps(results[-1]) + "\n")
    print("| family | minutes | seed | epochs | trained | FD | precision | recall | as asked | sampling, s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for result in sorted(results, key=key):
        print(row(result))


if __name__ == "__main__":
    main()
