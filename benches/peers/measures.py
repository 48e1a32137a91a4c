"""Computes the measures of generated images with NumPy, SciPy, scikit-learn and prdc.

    python measures.py vectors > crates/gan-eval/tests/vectors.json
    gan-eval --checkpoint ckpt.mpk --features features
    python measures.py compare features

`vectors` prints small random sets with their measures, as references for the tests. `compare` prints
the measures of the features that gan-eval extracted. The score is computed over all samples, not over
splits, and covariances are divided by n - 1.
"""

import argparse
import contextlib
import io
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from prdc import compute_prdc
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score


def frechet(real, fake, weights=None):
    mean = [real.mean(0), np.average(fake, 0, weights)]
    covariance = [np.cov(real.T), np.cov(fake.T, fweights=weights)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # singular matrices: the root is checked instead
        root = np.asarray(sqrtm(covariance[0] @ covariance[1]))
    values = np.linalg.eigvals(covariance[0] @ covariance[1])
    by_values = np.sqrt(values.real.clip(0)).sum()
    by_root = root.real.trace()
    apart = np.square(mean[0] - mean[1]).sum() + sum(c.trace() for c in covariance)
    return {
        "distance": float(apart - 2 * by_values),
        "by_sqrtm": float(apart - 2 * by_root) if np.isfinite(by_root) else None,
    }


def kernel_distance(real, fake):
    """The unbiased squared MMD with the kernel of KID, and its error if the real images are fixed."""
    n, m, d = len(fake), len(real), real.shape[1]
    kernel = lambda x, y: (x @ y.T / d + 1) ** 3
    within, between, own = kernel(fake, fake), kernel(fake, real), kernel(real, real)
    others = (within.sum(1) - within.diagonal()) / (n - 1)
    estimate = (
        (within.sum() - within.trace()) / (n * (n - 1))
        + (own.sum() - own.trace()) / (m * (m - 1))
        - 2 * between.mean()
    )
    error = 2 * np.std(others - between.mean(1), ddof=1) / np.sqrt(n)
    return {"estimate": float(estimate), "standard_error": float(error)}


def neighbours(real, fake, k):
    with contextlib.redirect_stdout(io.StringIO()):  # prdc prints the numbers of images
        found = compute_prdc(real, fake, k)
    return {name: float(value) for name, value in found.items()}


def classes(probabilities, features):
    p = probabilities.astype(np.float64)
    labels, number = p.argmax(1), p.shape[1]
    marginal = p.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = np.where(p > 0, p * np.log(p / marginal), 0).sum(1)
    shares = np.bincount(labels, minlength=number) / len(p)
    sets = [features[labels == label] for label in range(number)]
    diversity = [float(pdist(x, "sqeuclidean").mean()) if len(x) > 1 else None for x in sets]
    known = [value for value in diversity if value is not None]
    return {
        "score": float(np.exp(divergence.mean())),
        "shares": shares.tolist(),
        "total_variation": float(np.abs(shares - 1 / number).sum() / 2),
        "missing": np.flatnonzero(shares < 0.1 / number).tolist(),
        "confidence": float(p.max(1).mean()),
        "diversity": diversity,
        "mean_diversity": float(np.mean(known)) if known else None,
    }


def asked(real, fake, probabilities):
    """Samples that were asked for by class: labels that depend on the row alone."""
    number = probabilities.shape[1]
    labels, wanted = np.arange(len(real)) * 3 % number, np.arange(len(fake)) * 7 % number
    by_class = [
        frechet(real[labels == label], fake[wanted == label])["distance"] for label in range(number)
    ]
    seen = probabilities.argmax(1)
    return {
        "share": float(accuracy_score(wanted, seen)),
        "share_by_class": recall_score(wanted, seen, average=None, labels=range(number), zero_division=0).tolist(),
        "confusion": confusion_matrix(wanted, seen, labels=range(number)).ravel().tolist(),
        "frechet_by_class": by_class,
    }


def memory(samples, test):
    threshold = np.quantile(test, 0.01)
    return {
        "ratio": float(np.median(samples) / np.median(test)),
        "threshold": float(threshold),
        "share": float((samples < threshold).mean()),
        "closest": np.argsort(samples, kind="stable")[:5].tolist(),
    }


def reference(real, fake, probabilities, k, weights=None):
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    found = {"frechet": frechet(real, fake), "kernel_distance": kernel_distance(real, fake)}
    found |= neighbours(real, fake, k)
    if weights is not None:
        found["frechet_weighted"] = frechet(real, fake, weights)
    if probabilities is not None:
        found["classes"] = classes(probabilities, fake)
        found["asked"] = asked(real, fake, probabilities)
    return found


def case(rng, name, real, fake, number, k):
    """One set of inputs, rounded so that text represents them exactly, with its measures."""
    logits = 2 * rng.standard_normal((len(fake), number))
    logits[:, -1] -= 9  # a class that is missing
    odds = np.exp(logits)
    real, fake, probabilities = (
        np.round(x, 4).astype(np.float32) for x in (real, fake, odds / odds.sum(1, keepdims=True))
    )
    weights = np.bincount(rng.integers(0, len(fake), len(fake)), minlength=len(fake))
    # Distances in single precision, as in gan-eval.
    nearest = cdist(fake, real).min(1).round(4).astype(np.float32)
    test = cdist(real[::2], real[1::2]).min(1).round(4).astype(np.float32)
    figures = reference(real, fake, probabilities, k, weights)
    figures["memory"] = memory(nearest.astype(np.float64), test.astype(np.float64))
    inputs = {"real": real, "fake": fake, "probabilities": probabilities}
    inputs |= {"weights": weights, "nearest": nearest, "test": test}
    flat = {key: [float(str(x)) for x in value.ravel()] for key, value in inputs.items()}
    flat["weights"] = weights.tolist()
    sizes = {"name": name, "dim": real.shape[1], "classes": number, "k": k}
    return {**sizes, **flat, "figures": figures}


def vectors(_):
    rng = np.random.default_rng(20)
    mix = rng.standard_normal((6, 6)) / 2
    real = rng.standard_normal((60, 6)) @ mix
    fake = 0.8 * rng.standard_normal((50, 6)) @ mix + 0.3
    cases = [case(rng, "full", real, fake, 5, 3)]
    # A constant feature, and one that is twice another: both covariances are singular.
    real, fake = (np.round(x[:30], 4) for x in (real, fake))
    for flat in real, fake:
        flat[:, 4], flat[:, 5] = 0, 2 * flat[:, 0]
    cases.append(case(rng, "singular", real, fake, 4, 5))
    return cases


def compare(arguments):
    folder = Path(arguments.features)
    real, fake, probabilities = (
        np.load(folder / f"{name}.npy") for name in ("real", "fake", "probabilities")
    )
    return reference(real, fake, probabilities, arguments.neighbours)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    commands.add_parser("vectors").set_defaults(run=vectors)
    command = commands.add_parser("compare")
    command.add_argument("features", help="the folder that gan-eval --features wrote")
    command.add_argument("--neighbours", type=int, default=5)
    command.set_defaults(run=compare)
    arguments = parser.parse_args()
    json.dump(arguments.run(arguments), sys.stdout)
    print()


if __name__ == "__main__":
    main()
