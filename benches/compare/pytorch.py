"""A PyTorch script as a user would write it: trains the networks, or generates samples.

    python pytorch.py train --steps 300 --data-dir data/mnist --out net.pt
    python pytorch.py sample --net net.pt --count 10 --out digits.png
"""

import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn


def net(widths, last):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1], *last)


def make_generator():
    return net([100, 256, 512, 1024, 784], [nn.Tanh()])


def mnist(folder):
    path = Path(folder) / "train-images-idx3-ubyte"
    data = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=16).copy()).view(-1, 784)


def train(arguments):
    generator, discriminator = make_generator(), net([784, 512, 256, 1], [])
    settings = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": True}
    g_adam = torch.optim.Adam(generator.parameters(), **settings)
    d_adam = torch.optim.Adam(discriminator.parameters(), **settings)
    images = mnist(arguments.data_dir) if arguments.data_dir else torch.zeros(1, 784)
    loss, batch = nn.BCEWithLogitsLoss(), 128
    real, fake = torch.ones(batch, 1), torch.zeros(batch, 1)
    for _ in range(arguments.steps):
        drawn = images[torch.randint(0, len(images), (batch,))].float() / 127.5 - 1
        with torch.no_grad():
            made = generator(torch.randn(batch, 100))
        logits = discriminator(torch.cat([drawn, made]))
        d_adam.zero_grad()
        (loss(logits[:batch], real) + loss(logits[batch:], fake)).mul(0.5).backward()
        d_adam.step()
        g_adam.zero_grad()
        loss(discriminator(generator(torch.randn(batch, 100))), real).backward()
        g_adam.step()
    torch.save(generator.state_dict(), arguments.out)


def sample(arguments):
    begin = time.perf_counter()
    generator = make_generator()
    generator.load_state_dict(torch.load(arguments.net))
    with torch.no_grad():
        digits = generator(torch.randn(arguments.count, 100)).view(-1, 28, 28)
    digits = digits.mul_(127.5).add_(127.5).round_().to(torch.uint8).numpy()
    if arguments.out.endswith(".npy"):
        np.save(arguments.out, digits)
    else:
        Image.fromarray(np.concatenate(digits, 1)).save(arguments.out)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["train", "sample"])
    parser.add_argument("--data-dir")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--net")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    {"train": train, "sample": sample}[arguments.what](arguments)


if __name__ == "__main__":
    main()
