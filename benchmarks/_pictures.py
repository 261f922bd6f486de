"""Pictures of benchmarks: a grid of panels, if matplotlib is installed."""


def panels(n_rows, n_columns, figsize):
    """Make a figure with a grid of panels that share their axes.

    Without matplotlib, print that nothing is plotted and return (None, None).
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("matplotlib is not installed, so nothing is plotted.")
        return None, None
    return plt.subplots(
        n_rows, n_columns, figsize=figsize, sharex=True, sharey=True,
        layout="constrained",
    )  # fmt: skip


def save(figure, path):
    """Save a picture, and print its name."""
    figure.savefig(path, dpi=110)
    print(f"\nplot: {path.name}")
