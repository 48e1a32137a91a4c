"""Plots the curves of a run, with its last row of samples, for docs/diagnosis.md.

    python curves.py runs/0001-mnist-dense --out curves.png

Needs matplotlib and pillow.
"""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

PANELS = [
    ("losses", ["d_loss", "g_loss"]),
    ("probabilities", ["d_real", "d_fake"]),
    ("signs", ["spread", "saturated", "idle"]),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", required=True)
    given = parser.parse_args()
    rows = [json.loads(line) for line in (given.run / "metrics.jsonl").read_text().splitlines()]
    epochs = [row["epoch"] for row in rows]
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.4), constrained_layout=True)
    for axis, (title, names) in zip(axes, PANELS):
        for name in names:
            axis.plot(epochs, [row[name] for row in rows], label=name, linewidth=0.8)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("epoch", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.legend(fontsize=7, frameon=False)
    for axis in axes[1:]:
        axis.set_ylim(bottom=0)
    figure.canvas.draw()
    curves = np.asarray(figure.canvas.buffer_rgba())[:, :, :3]
    last = Image.open(sorted((given.run / "samples").glob("*.png"))[-1]).convert("RGB")
    scale = curves.shape[1] / last.width
    digits = np.asarray(last.resize((curves.shape[1], round(last.height * scale)), Image.NEAREST))
    Image.fromarray(np.concatenate([curves, digits])).quantize(64).save(given.out, optimize=True)


if __name__ == "__main__":
    main()
