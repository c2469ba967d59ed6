"""Logistic regression on a few numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 25
RIDGE = 1.0


def fit_logistic(
    evidence: NDArray[np.float64], good: NDArray[np.bool_]
) -> tuple[float, tuple[float, ...]]:
    """Bias and weights of the evidence [n, k] for what is good, bool [n], by Newton's method.

    A ridge on the standardised weights keeps them finite where the evidence decides everything.
    """
    mean, scale = evidence.mean(axis=0), evidence.std(axis=0) + 1e-9
    rows = np.column_stack([np.ones(len(evidence)), (evidence - mean) / scale])
    ridge = np.diag([0.0] + [RIDGE] * evidence.shape[1])
    weights = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        told = 1 / (1 + np.exp(-rows @ weights))
        gradient = rows.T @ (told - good) + ridge @ weights
        curvature = (
            rows.T @ (rows * (told * (1 - told))[:, None]) + ridge + 1e-6 * np.eye(len(ridge))
        )
        weights -= np.linalg.solve(curvature, gradient)
    own = weights[1:] / scale
    return float(weights[0] - own @ mean), tuple(float(each) for each in own)
