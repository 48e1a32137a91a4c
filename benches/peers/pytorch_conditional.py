"""A conditional DCGAN as a PyTorch user would write it, for gan-eval to evaluate.

    python pytorch_conditional.py --data-dir data/mnist --out samples.npy --labels-out labels.npy
    gan-eval --samples samples.npy --labels labels.npy --data-dir data/mnist

The generator gets an embedding of the class with the noise, the discriminator an embedding as a second
channel of the image (Mirza and Osindero 2014), with the layers of DCGAN (Radford et al. 2016). Adam
2e-4, β₁ 0.5, binary cross-entropy. Writes uint8 [count, 28, 28] and the class of each, generated with
the last weights, in evaluation mode.
"""

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn


def read(folder, name, offset):
    path = Path(folder) / name
    data = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=offset).copy())


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 50)
        self.layers = nn.Sequential(
            nn.Linear(150, 128 * 7 * 7), nn.Unflatten(1, (128, 7, 7)),
            nn.BatchNorm2d(128), nn.ReLU(),
            nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh(),
        )

    def forward(self, noise, labels):
        return self.layers(torch.cat([noise, self.embedding(labels)], 1))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 28 * 28)
        self.layers = nn.Sequential(
            nn.Conv2d(2, 64, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(64, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(128 * 7 * 7, 1),
        )

    def forward(self, images, labels):
        classes = self.embedding(labels).view(-1, 1, 28, 28)
        return self.layers(torch.cat([images, classes], 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", required=True)
    parser.add_argument("--labels-out", required=True)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    if given.threads:
        torch.set_num_threads(given.threads)

    images = read(given.data_dir, "train-images-idx3-ubyte", 16).view(-1, 1, 28, 28)
    labels = read(given.data_dir, "train-labels-idx1-ubyte", 8).long()
    generator, discriminator, batch = Generator(), Discriminator(), given.batch
    settings = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": True}
    g_adam = torch.optim.Adam(generator.parameters(), **settings)
    d_adam = torch.optim.Adam(discriminator.parameters(), **settings)
    bce = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)
    begin = time.perf_counter()
    for step in range(given.steps):
        chosen = torch.randint(0, len(images), (batch,))
        real, classes = images[chosen].float() / 127.5 - 1, labels[chosen]
        asked = torch.randint(0, 10, (batch,))
        fake = generator(torch.randn(batch, 100), asked)
        d_loss = bce(discriminator(real, classes), ones)
        d_loss = (d_loss + bce(discriminator(fake.detach(), asked), zeros)) / 2
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        g_loss = bce(discriminator(fake, asked), ones)
        g_adam.zero_grad()
        g_loss.backward()
        g_adam.step()
        if (step + 1) % 200 == 0:
            each = (time.perf_counter() - begin) / (step + 1)
            print(f"step {step + 1}  d_loss {d_loss:.3f}  g_loss {g_loss:.3f}  {1000 * each:.1f} ms a step", flush=True)

    generator.eval()
    # As often as the real images have each class, which gan-eval asks of our nets, too.
    asked = labels[torch.randint(0, len(labels), (given.count,))]
    with torch.no_grad():
        digits = torch.cat([generator(torch.randn(len(part), 100), part) for part in asked.split(500)])
    np.save(given.out, digits.mul(127.5).add(128).to(torch.uint8).numpy()[:, 0])
    np.save(given.labels_out, asked.numpy())


if __name__ == "__main__":
    main()
