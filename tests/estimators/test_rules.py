"""Each rule fires on its fault alone, and proposes a value that is not on."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.estimators import _rules as rules
from sk_effprop.inspection.diagnosis._subject import Subject

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RULES = [
    rules.too_large_rate,
    rules.too_small_rate,
    rules.saturated_units,
    rules.vanishing_weights,
    rules.too_deep,
    rules.raw_inputs,
    rules.sorted_presentation,
    rules.target_scale,
    rules.targets_off_range,
]
FAULTS = {
    rules.too_large_rate: ({"learning_rate_init": 10.0}, EffPropRegressor),
    rules.too_small_rate: ({"learning_rate_init": 1e-7}, EffPropRegressor),
    rules.saturated_units: ({"init": 300.0, "solver": "lbfgs"}, EffPropRegressor),
    rules.vanishing_weights: ({"init": 1e-7}, EffPropRegressor),
    rules.too_deep: (
        {"hidden_layer_sizes": (5,) * 6, "activation": "logistic"},
        EffPropRegressor,
    ),
    rules.raw_inputs: ({"normalize": None, "input_clip": None}, EffPropClassifier),
    rules.sorted_presentation: ({"shuffle": False}, EffPropClassifier),
    rules.target_scale: ({"normalize_target": False}, EffPropRegressor),
    rules.targets_off_range: (
        {"loss": "squared_error", "target_values": "asymptote"},
        EffPropClassifier,
    ),
}


def start_of(kind, **settings):
    """The case at the initial weights, on targets in sorted order."""
    load = load_breast_cancer if kind is EffPropClassifier else load_diabetes
    X, y = load(return_X_y=True)
    order = np.argsort(y, kind="stable")
    settings = {"hidden_layer_sizes": (5,), "solver": "sgd", "max_iter": 1} | settings
    model = kind(random_state=0, **settings).fit(X[order], y[order])
    return Subject.of(model, X[order], y[order]).at_start


@pytest.mark.parametrize("kind", [EffPropClassifier, EffPropRegressor])
def test_no_rule_fires_on_default_parameters(kind):
    case = start_of(kind)
    assert [rule(case) for rule in RULES] == [None] * len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_fires_on_its_fault(rule):
    settings, kind = FAULTS[rule]
    case = start_of(kind, **settings)
    finding = rule(case)
    assert finding.parameter in settings
    assert finding.cause
    assert finding.value != getattr(case.plan.given, finding.parameter)
    assert str(finding.value) in finding.advice


@pytest.mark.parametrize(
    ("low", "high", "cause"),
    [
        ("max_curvature", None, None),
        (-1.5, 1.5, None),
        (-1.715, 1.715, "targets at the asymptotes"),
    ],
)
def test_targets_are_compared_with_the_slope_of_the_outputs(low, high, cause):
    values = low if high is None else (low, high)
    case = start_of(EffPropClassifier, loss="squared_error", target_values=values)
    finding = rules.targets_off_range(case)
    assert (finding and finding.cause) == cause


def test_targets_far_from_initial_outputs_are_out_of_range():
    case = start_of(
        EffPropClassifier,
        loss="squared_error",
        output_activation="identity",
        target_values=(-100.0, 100.0),
    )
    assert rules.targets_off_range(case).cause == "targets out of range"
