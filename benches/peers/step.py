"""Time of one training step: gan-train's beside PyTorch's, in turn, in one sitting.

    pip install torch
    cargo build --release
    python benches/peers/step.py --data-dir data/mnist

Both do the step of the recipe `plain`: the published nets, real and fake images through
the discriminator as one batch, binary cross-entropy on logits, Adam 2e-4 with beta1 0.5,
and the average of the generator's weights. PyTorch runs eagerly with fused Adam, on as
many threads as there are processors.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import torch
from torch import nn


def mlp(widths, last):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1], *last)


class PyTorch:
    def __init__(self, batch):
        self.batch = batch
        self.generator = mlp([100, 256, 512, 1024, 784], [nn.Tanh()])
        self.discriminator = mlp([784, 512, 256, 1], [])
        settings = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": True}
        self.g_adam = torch.optim.Adam(self.generator.parameters(), **settings)
        self.d_adam = torch.optim.Adam(self.discriminator.parameters(), **settings)
        self.average = [p.detach().clone() for p in self.generator.parameters()]
        self.images = torch.rand(60_000, 784) * 2 - 1
        self.loss = nn.BCEWithLogitsLoss()
        self.real, self.fake = torch.ones(batch, 1), torch.zeros(batch, 1)

    def step(self):
        batch = self.batch
        images = self.images[torch.randint(0, len(self.images), (batch,))]
        with torch.no_grad():
            drawn = self.generator(torch.randn(batch, 100))
        logits = self.discriminator(torch.cat([images, drawn]))
        loss = self.loss(logits[:batch], self.real) + self.loss(logits[batch:], self.fake)
        self.d_adam.zero_grad(set_to_none=True)
        (0.5 * loss).backward()
        self.d_adam.step()

        self.discriminator.requires_grad_(False)
        loss = self.loss(self.discriminator(self.generator(torch.randn(batch, 100))), self.real)
        self.g_adam.zero_grad(set_to_none=True)
        loss.backward()
        self.g_adam.step()
        self.discriminator.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.generator.parameters()), 0.001)
        return loss

    def milliseconds(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            loss = self.step()
        loss.item()
        return (time.perf_counter() - begin) / steps * 1e3


def ours(arguments, steps):
    with tempfile.TemporaryDirectory() as directory:
        command = [arguments.program, "--recipe", "plain", "--batch", str(arguments.batch)]
        command += ["--epochs", str(steps), "--data-dir", arguments.data_dir, "--offline"]
        command += ["--out", directory, "--quiet", "--json"]
        environment = {**os.environ, "RAYON_NUM_THREADS": str(arguments.threads)}
        output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
        # Begins after the data is loaded; includes two previews and two checkpoints.
        return json.loads(output)["seconds"] / steps * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="target/release/gan-train")
    parser.add_argument("--data-dir", default="data/mnist")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    peer = PyTorch(arguments.batch)
    peer.milliseconds(30)
    rows = []
    for number in range(arguments.rounds):
        rows.append((ours(arguments, arguments.steps), peer.milliseconds(arguments.steps)))
        print(f"round {number + 1}: ours {rows[-1][0]:.2f} ms, PyTorch {rows[-1][1]:.2f} ms")
    mine, theirs = (statistics.median(column) for column in zip(*rows))
    ratio = statistics.median(a / b for a, b in rows)
    print(f"batch {arguments.batch}, {arguments.threads} threads, PyTorch {torch.__version__}")
    print(f"median: ours {mine:.2f} ms, PyTorch {theirs:.2f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
