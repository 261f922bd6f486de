"""Each rule fires on its fault alone, and proposes a value that is not on."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import TANH, Activation
from sk_effprop.estimators import _extremes as extremes
from sk_effprop.estimators import _rules as rules
from sk_effprop.estimators._checks import is_same
from sk_effprop.estimators._parameters import defaults
from sk_effprop.inspection.diagnosis._subject import Subject

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RULES = [
    rules.too_large_rate,
    rules.too_small_rate,
    rules.saturated_units,
    extremes.vanishing_weights,
    rules.too_deep,
    rules.raw_inputs,
    rules.sorted_presentation,
    rules.target_scale,
    rules.targets_off_range,
    extremes.extreme_setting,
    extremes.extreme_activation,
    extremes.exploding_weights,
    extremes.identical_units,
    extremes.linear_network,
]
FAULTS = {
    rules.too_large_rate: ({"learning_rate_init": 10.0}, EffPropRegressor),
    rules.too_small_rate: ({"learning_rate_init": 1e-7}, EffPropRegressor),
    rules.saturated_units: ({"init": 300.0, "solver": "lbfgs"}, EffPropRegressor),
    extremes.vanishing_weights: ({"init": 1e-7}, EffPropRegressor),
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
    extremes.extreme_setting: ({"twist": 1e4}, EffPropRegressor),
    extremes.extreme_activation: (
        {"activation": Activation(TANH, amplitude=1e-6)},
        EffPropRegressor,
    ),
    extremes.exploding_weights: (
        {"init": 30.0, "activation": "relu"},
        EffPropRegressor,
    ),
    extremes.identical_units: ({"init": np.full(61, 0.3)}, EffPropRegressor),
    extremes.linear_network: ({"activation": "identity"}, EffPropClassifier),
}


def start_of(kind, factor=1, **settings):
    """The case at the initial weights, on targets in sorted order."""
    load = load_breast_cancer if kind is EffPropClassifier else load_diabetes
    X, y = load(return_X_y=True)
    y = factor * y
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
    assert not is_same(finding.value, getattr(case.plan.given, finding.parameter))
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


@pytest.mark.parametrize("extreme", extremes.EXTREMES, ids=lambda one: one.name)
def test_extremes_are_compared_with_the_defaults(extreme):
    assert defaults(EffPropRegressor())[extreme.name] == extreme.usual
    is_number = not isinstance(extreme.usual, str)
    if is_number:
        assert extreme.smallest <= extreme.usual <= extreme.largest


def test_a_setting_that_the_solver_does_not_use_is_not_blamed():
    case = start_of(EffPropRegressor, damping=1e9, epsilon=1e9)
    assert extremes.extreme_setting(case) is None


@pytest.mark.parametrize("value", [-50.0, 50.0])
def test_extremes_have_no_sign(value):
    case = start_of(EffPropRegressor, bias_init=value)
    assert extremes.extreme_setting(case).parameter == "bias_init"
    assert extremes.extreme_setting(start_of(EffPropRegressor, bias_init=-0.1)) is None


def test_targets_too_close_to_each_other():
    settings = {"loss": "squared_error", "target_values": (-1e-6, 1e-6)}
    finding = rules.targets_off_range(start_of(EffPropClassifier, **settings))
    assert finding.cause == "targets too close to each other"


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_means_far_from_1_are_off_scale_for_a_log_link(loss):
    raw = {"loss": loss, "solver": "lbfgs", "normalize_target": False}
    finding = rules.target_scale(start_of(EffPropRegressor, factor=1e-8, **raw))
    assert finding.parameter == "normalize_target"
    assert rules.target_scale(start_of(EffPropRegressor, factor=0.1, **raw)) is None
    scaled = raw | {"normalize_target": True}
    assert rules.target_scale(start_of(EffPropRegressor, factor=1e-8, **scaled)) is None
