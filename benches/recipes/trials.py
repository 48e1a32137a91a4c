"""Trains and evaluates a list of trials and logs the results, or prints the log as tables.

    python trials.py run trials.txt --data-dir data/mnist --jobs 2
    python trials.py table default plain
    python trials.py digits

A line of the list is a name, then flags of gan-train; `SEEDS 0 1 2` at its start repeats it for these
seeds. Trials that are in the log are not run again, and interrupted trials are not logged. Each runs
on one thread, --jobs of them at a time, so the seconds show how long a search takes, not how fast a
step is. `digits` prints the smallest share of a digit and the digits that are missing.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
LOG = HERE / "trials.jsonl"
SHOWN = ["frechet", "precision", "recall", "density", "coverage", "score", "confidence"]


def read_log():
    return [json.loads(line) for line in LOG.read_text().splitlines()] if LOG.exists() else []


def trials_of(path):
    """Name, seed and flags of every trial in a list."""
    for line in Path(path).read_text().splitlines():
        words = shlex.split(line, comments=True)
        seeds = ["0"]
        if words[:1] == ["SEEDS"]:
            end = next(i for i, word in enumerate(words) if i and not word.isdigit())
            seeds, words = words[1:end], words[end:]
        for seed in seeds if words else []:
            yield words[0], int(seed), words[1:]


def program(given, name):
    return str(Path(given.programs) / name) if given.programs else name


def execute(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def trial(given, name, seed, flags):
    data = ["--data-dir", given.data_dir] if given.data_dir else ["--dataset", "synthetic"]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(given.keep) / f"{name}-{seed}" if given.keep else Path(folder) / "run"
        common = ["--offline", "--threads", "1", "--quiet", "--json"]
        begin = time.time()
        code, out, err = execute(
            [program(given, "gan-train"), *data, *common, "--seed", str(seed), "--out", str(run)]
            + ([] if "--eval-every" in flags else ["--eval-every", "0"])
            + flags
        )
        row = {"name": name, "seed": seed, "flags": flags, "seconds": round(time.time() - begin)}
        trained = json.loads(out) if out else {}
        row |= {"outcome": trained.get("outcome", err), "findings": trained.get("warnings", [])}
        if code == 0:
            count = ["--count", str(given.count), "--seed", "1"]
            evaluate = [program(given, "gan-eval"), "--checkpoint", str(run), *data, *common, *count]
            code, out, err = execute(evaluate)
            result = json.loads(out)
            extractor = result["feature_extractor"]["sha256"][:12]
            # Under the keys of the log's first rows.
            row |= {"ruler": extractor, "memory": result["memorisation"]}
            row |= {"measures": result["measures"], "floor": result["floor"]["frechet"]["value"]}
        return row


def run(given):
    done = {(row["name"], row["seed"]) for row in read_log()}
    lock = threading.Lock()

    def one(job):
        row = trial(given, *job)
        if row["outcome"] == "stopped":
            return
        with lock:
            with LOG.open("a") as log:
                print(json.dumps(row), file=log)
            shown = {key: round(row["measures"][key]["value"], 3) for key in SHOWN[:3]} if "measures" in row else {}
            print(row["name"], row["seed"], row["outcome"], f"{row['seconds']}s", shown, flush=True)

    with ThreadPoolExecutor(given.jobs) as pool:
        jobs = [job for job in trials_of(given.list) if job[:2] not in done]
        list(pool.map(one, jobs))


def by_name(names):
    rows = [row for row in read_log() if "measures" in row and (not names or row["name"] in names)]
    order = names or list(dict.fromkeys(row["name"] for row in rows))
    for name in order:
        found = [row for row in rows if row["name"] == name]
        if found:
            yield name, found
        else:
            print(f"{name}: no trial of this name in {LOG}", file=sys.stderr)


def table(given):
    print("| trial | seeds |", " | ".join(SHOWN), "| share of the rarest and the most frequent digit |")
    print("|---" * (len(SHOWN) + 3) + "|")
    for name, rows in by_name(given.names):
        cells = []
        for key in SHOWN:
            values = [row["measures"][key]["value"] for row in rows]
            digits = 2 if key in ("frechet", "score") else 3
            spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.{digits}f}{spread}")
        shares = [share for row in rows for share in row["measures"]["shares"]]
        ends = f"{100 * min(shares):.1f}% {100 * max(shares):.1f}%"
        print(f"| {name} | {len(rows)} |", " | ".join(cells), f"| {ends} |")


def digits(given):
    for name, rows in by_name(given.names):
        lost = [(row["seed"], row["measures"]["missing"]) for row in rows]
        lost = [(seed, missing) for seed, missing in lost if missing]
        least = min(min(row["measures"]["shares"]) for row in rows)
        worst = max(row["measures"]["frechet"]["value"] for row in rows)
        print(f"{name}: {len(rows)} seeds, least share {100 * least:.1f}%, largest Fréchet "
              f"distance {worst:.1f}, seeds with missing digits: {lost or 'none'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("run")
    command.add_argument("list")
    command.add_argument("--data-dir", help="the files of MNIST; without, the built-in digits are used")
    command.add_argument("--jobs", type=int, default=2)
    command.add_argument("--count", type=int, default=10_000)
    command.add_argument("--programs", help="folder of gan-train and gan-eval")
    command.add_argument("--keep", help="folder in which the runs are kept")
    command.set_defaults(do=run)
    for name, do in [("table", table), ("digits", digits)]:
        command = commands.add_parser(name)
        command.add_argument("names", nargs="*")
        command.set_defaults(do=do)
    given = parser.parse_args()
    given.do(given)


if __name__ == "__main__":
    sys.exit(main())
