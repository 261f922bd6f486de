"""Words for the numbers of a diagnosis: section, name, label."""

LABELS: dict[str, tuple[str, dict[str, str]]] = {
    "loss": (
        "Loss",
        {
            "held_out": "Held-out rows, as a share of the best constant's loss",
            "train": "Training rows, as a share of the best constant's loss",
            "linear": "Linear model on the held-out rows, likewise",
            "error": "Wrong decisions on held-out rows",
            "error_where_certain": "Wrong decisions in the most certain fifth of them",
            "of_the_fit": "Loss of the fit, without penalty",
            "of_a_constant": "Loss of the best constant outputs",
            "penalty": "Penalty of the weights",
            "fell_at_end": "Fall of the loss in the last third of training",
            "n_iter": "Epochs or iterations",
        },
    ),
    "inputs": (
        "Inputs",
        {
            "n_rows": "Rows",
            "n_columns": "Columns",
            "raw_scale_ratio": "Largest over smallest standard deviation, raw",
            "scale_ratio": "Largest over smallest standard deviation, normalised",
            "raw_largest_offset": "Largest mean in standard deviations, raw",
            "largest_offset": "Largest mean in standard deviations, normalised",
            "condition_raw": "Condition number of the second moments, raw",
            "condition": "Condition number of the second moments, normalised",
            "outliers": "Rows with outliers, after normalisation",
            "missing": "Missing values",
            "n_constant": "Constant columns",
            "n_copies": "Columns that repeat another",
            "repeated_rows": "Repeated rows",
        },
    ),
    "targets": (
        "Targets, as the network is trained on them",
        {
            "coded_mean": "Mean",
            "coded_deviation": "Standard deviation",
            "coded_smallest": "Smallest",
            "coded_largest": "Largest",
            "output_range": "Range of the output units",
            "outside_output_range": "Targets outside this range",
            "outliers": "Rows with outliers",
            "class_shares": "Shares of the classes",
        },
    ),
    "curvature": (
        "Curvature at the fitted weights (Gauss-Newton matrix of some rows)",
        {
            "n_weights": "Weights",
            "n_effective_parameters": "Effective number of parameters",
            "lambda_max": "Largest eigenvalue",
            "lambda_max_over_mean": "Largest over mean eigenvalue",
            "n_large": "Eigenvalues above a tenth of the largest",
            "condition": "Largest over smallest eigenvalue that is not zero",
            "learning_rate": "Learning rate",
            "automatic_rate_at_start": "Rate that the initial curvature allows",
            "rate_times_lambda_max": "Learning rate times largest eigenvalue",
        },
    ),
    "gradient": (
        "Gradient",
        {
            "norm_at_start": "Norm at the initial weights",
            "norm_at_end": "Norm at the fitted weights",
            "signal_to_noise_at_start": "Signal to noise at the initial weights",
            "signal_to_noise_at_end": "Signal to noise at the fitted weights",
        },
    ),
}
LAYER_LABELS = {
    "saturated": "Saturated values",
    "saturated_at_start": "Saturated values, at the start",
    "dead_units": "Dead units",
    "dead_units_at_start": "Dead units, at the start",
    "preactivation_mean": "Mean of pre-activations",
    "preactivation_spread": "Spread of pre-activations",
    "preactivation_spread_at_start": "Spread of pre-activations, at the start",
    "signal": "Spread of values over the rows",
    "signal_at_start": "Spread of values over the rows, at the start",
    "weight_size": "Root mean square of the weights",
    "gradient_to_weight_at_start": "Gradient over weights, at the start",
    "gradient_to_weight": "Gradient over weights",
    "update_to_weight_at_start": "Update over weights, at the start",
    "diagonal_curvature": "Mean diagonal curvature",
}


def as_text(value: object) -> str:
    """A number as people read it."""
    if value is None:
        return "unknown"
    if isinstance(value, list):
        shown = ", ".join(as_text(one) for one in value[:6])
        return shown + (", ..." if len(value) > 6 else "")
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}"
