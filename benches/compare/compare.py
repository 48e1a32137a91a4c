"""Compares our speed with PyTorch, TensorFlow, JAX and the published Keras listing.

    python3 benches/compare/compare.py --data-dir data/mnist

Needs Python with venv and pip, a C++ compiler (for torch.compile) and an idle machine. It creates
a virtual environment under target/compare, installs the other frameworks there, builds our programs,
and runs all in turn: in every round each program trains for about a second, and ratios are taken
within the round. Prints Markdown tables. On a GPU, `benches/gpu/run` calls it.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "compare"
PACKAGES = ["torch", "tensorflow-cpu", "jax", "pillow"]
PEERS = {
    "dense": ["pytorch", "pytorch-compiled", "tensorflow", "tensorflow-xla", "jax", "keras"],
    "conv": [
        "pytorch", "pytorch-channels-last", "pytorch-compiled", "pytorch-compiled-channels-last",
        "tensorflow", "tensorflow-xla", "jax",
    ],
}
GPU_PEERS = ["pytorch", "pytorch-compiled", "pytorch-graph"]
# Multiply-adds of a step for one image: four passes through the generator and eight through the
# discriminator, without the gradients of the first layers' inputs, which are not needed.
WORK_PER_IMAGE = {"dense": 9_368_576, "conv": 21_236_352}
# Holds each program to AVX2, for processors that have AVX-512.
AVX2 = {
    "GAN_INSTRUCTION_SET": "avx2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}


class Server:
    """A program that prints a number for each line of input."""

    def __init__(self, command, line="{count}", avx2=False):
        self.line = line
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, **(AVX2 if avx2 else {})},
        )

    def request(self, line):
        try:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"{self.process.args} ended without a result")
        return float(answer)

    def steps(self, count):
        """Milliseconds of a step."""
        return self.request(self.line.format(count=count))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def log(text):
    print(text, file=sys.stderr, flush=True)


def prepare(arguments):
    venv = WORK / "venv"
    python = arguments.python or venv / "bin" / "python"
    if arguments.python and shutil.which(python) is None:
        raise SystemExit(f"--python {python} is not found; expected an interpreter")
    if not arguments.python and not python.exists():
        log(f"creating {venv} and installing {', '.join(PACKAGES)}")
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    if not arguments.program:
        if shutil.which("cargo") is None:
            raise SystemExit("cargo is not installed; install Rust from https://rustup.rs")
        build = ["cargo", "build", "--release", "--bins", "--example", "compare"]
        subprocess.run(build, cwd=ROOT, check=True)
    return python


TORCH_PEAK = """
import sys, time, torch
torch.set_num_threads(int(sys.argv[1]))
a = torch.rand(1024, 1024)
for line in sys.stdin:
    begin = time.perf_counter()
    for _ in range(8): a @ a
    print(8 * 2 * 1024**3 / (time.perf_counter() - begin) / 1e9, flush=True)
"""


def steps(arguments, python, family, batch, threads):
    """The peak of a matrix product, and rows of a table."""
    names = PEERS[family] if arguments.device == "cpu" else GPU_PEERS
    names = [name for name in names if name not in arguments.without]
    programs = arguments.program or {"ours": ROOT / "target/release/examples/compare"}
    line = f"{family} {batch} {threads} {{count}}"
    servers = {
        name: Server([path, arguments.ours], f"train-{line}", arguments.avx2)
        for name, path in programs.items()
    }
    for name in names:
        command = [python, HERE / "peers.py", name, family, str(batch), str(threads), arguments.device]
        servers[name] = Server(command, avx2=arguments.avx2)
    reference = next(iter(programs))
    if arguments.device == "cpu":
        torch_peak = Server([python, "-c", TORCH_PEAK, str(threads)], avx2=arguments.avx2)
    counts = {}
    for name, server in list(servers.items()):
        # Compilers and caches warm up.
        log(f"{family}, batch {batch}, {threads} threads: {name}")
        try:
            once = [server.steps(5) for _ in range(4)][-1]
            counts[name] = max(3, round(arguments.seconds * 1e3 / once))
        except RuntimeError as error:
            log(f"left out: {error}")
            servers.pop(name)
    if reference not in servers:
        raise SystemExit(f"{reference} cannot run on {arguments.ours}")
    times, peaks = {name: [] for name in servers}, []
    for number in range(arguments.rounds):
        order = list(servers)
        for name in order[number % len(order):] + order[: number % len(order)]:
            # Threads that still spin would slow the next program down.
            time.sleep(0.25)
            times[name].append(servers[name].steps(counts[name]))
        if arguments.device == "cpu":
            time.sleep(0.25)
            product = servers[reference].request(f"product 1024 {threads} 8")
            peaks.append(max(torch_peak.request("go"), product))
    peak = statistics.median(peaks) if peaks else None
    rows = []
    for name, server in servers.items():
        ratio = statistics.median(a / b for a, b in zip(times[reference], times[name]))
        row = {"name": name, "ms": statistics.median(times[name]), "ratio": ratio}
        if arguments.device != "cpu" and name in programs:
            row["queued"] = server.request(f"queue-{line.format(count=counts[name])}")
            row["difference"] = server.request(f"check-{family} {batch}")
        rows.append(row)
    for server in [*servers.values(), *([torch_peak] if peaks else [])]:
        server.close()
    return rows, peak


def step_table(arguments, python, family):
    on_cpu = arguments.device == "cpu"
    last = "share of peak, GFLOP/s" if on_cpu else "ms until the host is free | largest difference to the CPU"
    print(f"| batch | threads | program | ms a step | ratio | GFLOP/s | {last} |")
    print("|---|---|---|---|---|---|---|" + ("" if on_cpu else "---|"))
    for threads in arguments.threads:
        for batch in arguments.batch:
            rows, peak = steps(arguments, python, family, batch, threads)
            for row in rows:
                rate = 2 * WORK_PER_IMAGE[family] * batch / row["ms"] / 1e6
                if on_cpu:
                    last = f"{rate / peak:.0%} of {peak:.0f}"
                elif "queued" in row:
                    last = f"{row['queued']:.2f} | {row['difference']:.1e}"
                else:
                    last = " | "
                print(
                    f"| {batch} | {threads} | {row['name']} | {row['ms']:.2f} | {row['ratio']:.2f} "
                    f"| {rate:.0f} | {last} |"
                )
            sys.stdout.flush()


def measure(command, env=None):
    """Seconds from start to end, and the peak resident memory in MB."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if status != 0:
        raise SystemExit(f"{command} ended with {status}")
    return seconds, usage.ru_maxrss / 1024


def program_table(arguments, python):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        train = [ROOT / "target/release/gan-train", "--recipe", "plain", "--batch", "128"]
        train += ["--epochs", "300", "--data-dir", arguments.data_dir, "--offline", "--quiet"]
        sample = [ROOT / "target/release/gan-sample", "--checkpoint", folder / "run"]
        script = [python, HERE / "pytorch.py"]
        measure([*train, "--out", folder / "run"])
        measure([*script, "train", "--steps", "1", "--out", folder / "net.pt"])
        from_net = ["--net", folder / "net.pt", "--out"]
        pairs = {
            "ten samples to PNG, cold start": (
                [*sample, "--count", "10", "--out", folder / "ours.png"],
                [*script, "sample", "--count", "10", *from_net, folder / "theirs.png"],
            ),
            "10 000 samples to `.npy`, cold start": (
                [*sample, "--count", "10000", "--out", folder / "ours.npy"],
                [*script, "sample", "--count", "10000", *from_net, folder / "theirs.npy"],
            ),
        }
        print("| what | ours | PyTorch script | ratio |")
        print("|---|---|---|---|")
        for what, (ours, theirs) in pairs.items():
            rounds = []
            for number in range(arguments.rounds * 2 + 1):
                for path in folder.glob("ours.*"):
                    path.unlink()
                rounds.append((measure(ours)[0], measure(theirs)[0]))
            mine, other = (statistics.median(column) for column in zip(*rounds[1:]))
            ratio = statistics.median(a / b for a, b in rounds[1:])
            print(f"| {what} | {mine * 1e3:.0f} ms | {other * 1e3:.0f} ms | {ratio:.3f} |")
        inside = []
        for _ in range(arguments.rounds):
            (folder / "ours.npy").unlink(missing_ok=True)
            ours = [*pairs["10 000 samples to `.npy`, cold start"][0], "--json"]
            theirs = pairs["10 000 samples to `.npy`, cold start"][1]
            seconds = [
                json.loads(subprocess.run(c, stdout=subprocess.PIPE, check=True).stdout)["seconds"]
                for c in (ours, theirs)
            ]
            inside.append(seconds)
        mine, other = (statistics.median(column) for column in zip(*inside))
        what = "the same, without PyTorch's imports, with everything of ours"
        print(f"| {what} | {mine * 1e3:.0f} ms | {other * 1e3:.0f} ms | {mine / other:.3f} |")
        _, mine = measure([*train, "--out", folder / "again"])
        _, other = measure([*script, "train", "--steps", "300", "--data-dir", arguments.data_dir,
                          "--out", folder / "net.pt"])
        what = "peak resident memory of training on MNIST"
        print(f"| {what} | {mine:.0f} MB | {other:.0f} MB | {mine / other:.2f} |")


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", default="data/mnist", help="MNIST's files, for the programs")
    parser.add_argument("--family", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 128, 512])
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of training per program and round")
    parser.add_argument("--without", nargs="*", default=[], choices=[*PEERS["dense"], *PEERS["conv"], *GPU_PEERS])
    parser.add_argument("--only", choices=["steps", "programs"])
    parser.add_argument("--device", default="cpu", help="PyTorch's name of the device, such as cuda")
    parser.add_argument("--ours", default="flex", help="our name of the device")
    parser.add_argument(
        "--program", nargs="+", type=lambda text: text.split("=", 1), metavar="NAME=PATH",
        help="builds of the example `compare` to run in place of one built now",
    )
    parser.add_argument("--avx2", action="store_true", help="hold every program to AVX2")
    parser.add_argument("--python", help="an interpreter that has the other frameworks installed")
    arguments = parser.parse_args()
    arguments.program = dict(arguments.program or [])
    python = prepare(arguments)
    versions = subprocess.run(
        [python, "-m", "pip", "list", "--format=json"], stdout=subprocess.PIPE, check=True
    ).stdout
    versions = {p["name"].replace("_", "-"): p["version"] for p in json.loads(versions)}
    named = ", ".join(f"{name} {versions.get(name, '?')}" for name in [*PACKAGES[:3], "keras"])
    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} processors; {named}\n")
    if arguments.only != "programs":
        for family in arguments.family:
            print(f"{family}:\n")
            step_table(arguments, python, family)
            print()
    if arguments.only != "steps" and arguments.device == "cpu":
        program_table(arguments, python)


if __name__ == "__main__":
    main()
