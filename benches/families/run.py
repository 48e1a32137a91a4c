"""Trains families of generators for equal minutes and compares their samples.

    cargo build --release && cargo build --release -p diffusion -p gpt2 -p one_net -p pixel_transformer
    python3 benches/families/run.py --data-dir data/mnist --out target/families --minutes 3 10 30

Needs Python alone and Linux. Short trainings on an idle machine tell the seconds of an epoch, and so how many
fit into the minutes. The trainings then run side by side, one on each core, in more time than that: their
results do not depend on the number of threads. A GAN with a constant learning rate continues the shorter training
of the same seed, if there is one: that gives the same bytes. The folder gets the runs, ten samples of each as PNG, and
speeds.jsonl and results.jsonl, whose lines are kept: what is there is not run again. Prints Markdown tables.
"""

import argparse
import json
import os
import queue
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = ROOT / "target" / "release"
RECIPES = ["default", "conditional", "conv", "conv-conditional"]
EXAMPLES = ["pixel_transformer", "diffusion"]
SAMPLES = 10_000
MEASURES = [("frechet", 2), ("precision", 3), ("recall", 3)]
# Epochs of the two short trainings whose difference gives the seconds of one, and how often it is taken.
SHORT, ROUNDS = [20, 220], 3


def run(program, *arguments):
    """What a program prints, and the seconds that it took."""
    begin = time.perf_counter()
    command = [PROGRAMS / program, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{result.stderr}")
    return result.stdout, time.perf_counter() - begin


def train(family, data, seed, epochs, folder):
    """Seconds of a training in a new folder, or of the rest of one."""
    arguments = ["--data-dir", data, "--seed", seed, "--epochs", epochs, "--out", folder]
    if family in EXAMPLES:
        return run(family, "train", *arguments, "--sample-every", epochs)[1]
    if folder.exists():
        return run("gan-train", "--resume", folder, "--epochs", epochs, "--no-report", "--quiet")[1]
    quiet = ["--eval-every", 0, "--checkpoint-every", epochs, "--no-report", "--quiet"]
    return run("gan-train", "--recipe", family, *arguments, *quiet)[1]


def can_go_on(folder):
    """Whether a longer training begins exactly as this one."""
    config = json.loads((folder / "config.json").read_text())
    return config["training"].get("schedule") == "constant"


def sample(family, folder, count, out, labels=None):
    """Seconds until samples of a run are written."""
    arguments = ["--count", count, "--out", out]
    if labels:
        arguments += ["--labels-out", labels]
    if family in EXAMPLES:
        return run(family, "sample", "--run", folder, *arguments)[1]
    return run("gan-sample", "--checkpoint", folder, "--scale", 2, *arguments)[1]


def speed(family, data, scratch):
    """Seconds of an epoch and of drawing the samples, with all cores."""
    rounds = []
    for _ in range(ROUNDS):
        seconds = []
        for epochs in SHORT:
            shutil.rmtree(scratch, ignore_errors=True)
            seconds.append(train(family, data, 0, epochs, scratch))
        rounds.append((seconds[1] - seconds[0]) / (SHORT[1] - SHORT[0]))
    samples = sample(family, scratch, SAMPLES, scratch / "samples.npy")
    shutil.rmtree(scratch)
    return {"family": family, "epoch": statistics.median(rounds), "samples": samples}


def measure(family, minutes, seed, epochs, start, data, out):
    """Trains, from the start of the same run if there is one, and measures what is drawn."""
    name = f"{family}-{minutes}-{seed}"
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    if start:
        shutil.copytree(start, folder)
    train(family, data, seed, epochs, folder)
    has_classes = family not in ["default", "conv"]
    samples, labels = out / f"{name}.npy", out / f"{name}-labels.npy" if has_classes else None
    sample(family, folder, SAMPLES, samples, labels)
    sample(family, folder, 10, out / f"{name}.png")
    of_class = ["--labels", labels] if has_classes else []
    text, _ = run("gan-eval", "--samples", samples, *of_class, "--data-dir", data, "--json")
    for array in filter(None, [samples, labels]):
        array.unlink()
    return {
        "family": family, "minutes": minutes, "seed": seed, "epochs": epochs, "figures": json.loads(text),
    }


def row(result):
    measures = result["figures"]["measures"]
    asked = measures.get("asked")
    cells = [
        result["family"], result["minutes"], result["seed"], result["epochs"],
        *[f"{measures[name]['value']:.{digits}f}" for name, digits in MEASURES],
        f"{asked['share']['value']:.3f}" if asked else "–",
    ]
    return f"| {' | '.join(map(str, cells))} |"


class Lines:
    """Objects in a file, one on each line."""

    def __init__(self, path):
        self.path = path
        self.all = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def append(self, value):
        self.all.append(value)
        with self.path.open("a") as file:
            file.write(json.dumps(value) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--families", nargs="+", default=RECIPES + EXAMPLES, choices=RECIPES + EXAMPLES)
    parser.add_argument("--minutes", nargs="+", type=int, default=[10])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    speeds, results = Lines(args.out / "speeds.jsonl"), Lines(args.out / "results.jsonl")
    measured = {line["family"] for line in speeds.all}
    for family in [family for family in args.families if family not in measured]:
        print(f"{family}, seconds of an epoch", file=sys.stderr)
        speeds.append(speed(family, args.data_dir, args.out / "scratch"))
    seconds = {line["family"]: line["epoch"] for line in speeds.all}

    key = lambda result: (result["family"], result["minutes"], result["seed"])
    done = {key(result) for result in results.all}
    jobs = [
        (family, minutes, seed) for minutes in args.minutes for seed in args.seeds for family in args.families
    ]
    cores = queue.SimpleQueue()
    for core in os.sched_getaffinity(0):
        cores.put(core)

    def work(job):
        # Programs are started by this thread, and inherit its core.
        core = cores.get()
        os.sched_setaffinity(0, {core})
        family, minutes, seed = job
        epochs = round(60 * minutes / seconds[family])
        shorter = [args.out / f"{family}-{part}-{seed}" for part in range(minutes - 1, 0, -1)
                   if (family, part, seed) in done]
        start = next(filter(can_go_on, shorter), None)
        print(f"{family}, {minutes} minutes, seed {seed}: {epochs} epochs", file=sys.stderr)
        try:
            results.append(measure(*job, epochs, start, args.data_dir, args.out))
        finally:
            cores.put(core)

    with ThreadPoolExecutor(cores.qsize()) as pool:
        list(pool.map(work, [job for job in jobs if job not in done]))
    print("| family | an epoch, ms | 10 000 samples, s |\n|---|---|---|")
    for line in speeds.all:
        print(f"| {line['family']} | {1e3 * line['epoch']:.1f} | {line['samples']:.1f} |")
    print("\n| family | minutes | seed | epochs | FD | precision | recall | as asked |\n|---|---|---|---|---|---|---|---|")
    for result in sorted(results.all, key=key):
        print(row(result))


if __name__ == "__main__":
    main()
