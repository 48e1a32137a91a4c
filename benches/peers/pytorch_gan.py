"""The published networks and step as a PyTorch user would write them, for gan-eval to evaluate.

    python pytorch_gan.py --data-dir data/mnist --norm none --seed 0 --out plain-0.npy
    gan-eval --samples plain-0.npy --data-dir data/mnist

Adam 2e-4, β₁ 0.5, binary cross-entropy. `--norm batch` adds batch normalisation to the hidden
layers of the generator, as earlier versions of the listing had. Writes uint8 [count, 28, 28],
generated with the last weights, in evaluation mode.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
import torch
from torch import nn


def mnist(folder):
    path = Path(folder) / "train-images-idx3-ubyte"
    data = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=16).copy()).view(-1, 784)


def make_generator(norm):
    widths, layers = [100, 256, 512, 1024], []
    for inputs, outputs in zip(widths, widths[1:]):
        layers.append(nn.Linear(inputs, outputs))
        layers += [nn.BatchNorm1d(outputs)] if norm == "batch" else []
        layers.append(nn.LeakyReLU(0.2))
    return nn.Sequential(*layers, nn.Linear(1024, 784), nn.Tanh())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--norm", choices=["none", "batch"], default="none")
    parser.add_argument("--epochs", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", required=True)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    if given.threads:
        torch.set_num_threads(given.threads)

    images, batch = mnist(given.data_dir), given.batch
    generator = make_generator(given.norm)
    discriminator = nn.Sequential(
        nn.Linear(784, 512), nn.LeakyReLU(0.2),
        nn.Linear(512, 256), nn.LeakyReLU(0.2),
        nn.Linear(256, 1),
    )
    settings = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": True}
    g_adam = torch.optim.Adam(generator.parameters(), **settings)
    d_adam = torch.optim.Adam(discriminator.parameters(), **settings)
    bce = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)
    for epoch in range(given.epochs):
        real = images[torch.randint(0, len(images), (batch,))].float() / 127.5 - 1
        fake = generator(torch.randn(batch, 100)).detach()
        d_loss = (bce(discriminator(real), ones) + bce(discriminator(fake), zeros)) / 2
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        g_loss = bce(discriminator(generator(torch.randn(batch, 100))), ones)
        g_adam.zero_grad()
        g_loss.backward()
        g_adam.step()
        if (epoch + 1) % 1000 == 0:
            print(f"epoch {epoch + 1}  d_loss {d_loss:.3f}  g_loss {g_loss:.3f}", flush=True)

    generator.eval()
    with torch.no_grad():
        digits = generator(torch.randn(given.count, 100)).view(-1, 28, 28)
    np.save(given.out, digits.mul(127.5).add(128).to(torch.uint8).numpy())


if __name__ == "__main__":
    main()
