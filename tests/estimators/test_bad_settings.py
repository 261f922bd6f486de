"""Parameters that cannot work: a clear sentence, and nothing is lost."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import ACTIVATIONS, TANH, Activation
from tests.estimators.rejections import BOTH, SGD, assert_refused, both, learnt, problem

# ------------------------------------------------------------------------ single values


# name -> values that break its rule
BAD_VALUES = {
    "damping": [0.0, -1.0, "some"],
    "curvature_decay": [-0.1, 1.0, "slow"],
    "curvature_samples": [0, 2.5, "all"],
    "curvature_period": [0, -np.inf, "often"],
    "hidden_layer_sizes": [0, -3, (5, 0), (2.5,), "wide"],
    "activation": ["sigmoid", ["tanh", "sigmoid"], ("sigmoid",), (np.tanh, np.cos)],
    "twist": [-0.1, "a"],
    "output_activation": ["softmax", (np.tanh, np.tanh, np.tanh)],
    "rbf_units": [0, 2.5, "many"],
    "init": ["xavier", -1.0],
    "bias_init": ["ones"],
    "normalize": ["minmax", True],
    "input_clip": [0.0, -1.0],
    "input_gains": ["yes"],
    "solver": ["newton"],
    "batch_size": [0, 2.5, "half"],
    "n_estimators": [0, 1.5],
    "batch_growth": [0.5],
    "shuffle": ["often"],
    "emphasis": [-0.1, 1.1],
    "learning_rate_init": [0.0, -1.0, "fast"],
    "learning_rate": ["linear"],
    "power_t": [-1.0],
    "annealing_tau": [0.0],
    "flow_rates": [(0.1, 1.0), (0.0, 1.0, 0.1), (0.1, 1.0, 1.5), ("a", 1, 0.1), 3.0],
    "learning_rate_scaling": ["fan_in"],
    "momentum": [1.0, -0.1],
    "nesterovs_momentum": ["yes"],
    "averaging": ["yes", None],
    "beta_1": [1.0],
    "beta_2": [-0.1],
    "epsilon": [0.0],
    "alpha": [-1.0, "strong"],
    "categorical_features": ["from_names", 1],
    "max_iter": [0, 1.5, "all"],
    "max_fun": [0],
    "tol": [-1e-3],
    "n_iter_no_change": [0, 2.5],
    "goal": ["low"],
    "max_time": [0.0],
    "early_stopping": ["yes"],
    "validation_fraction": [0.0, 1.0],
    "scoring": ["sharpness", 0.5, None],
    "checkpoint": [3, ""],
    "checkpoint_interval": [-1.0, "often"],
    "resume": ["yes", True],
    "engine": ["cuda"],
    "loss": ["hinge", np.square, None],
    "random_state": ["seed"],
    "warm_start": ["yes"],
    "verbose": ["loud"],
}
BAD_VALUES_OF = {
    EffPropClassifier: BAD_VALUES
    | {
        "class_weight": ["heavy"],
        "target_values": ["middle", (1, -1), (0, 0), (-1,), ("a", "b"), 3],
    },
    EffPropRegressor: BAD_VALUES
    | {
        "normalize_target": ["yes"],
        "quantile": [0.0, 1.0, "half"],
        "huber_delta": [0.0, -1.0, "auto"],
    },
}


@both
def test_every_parameter_that_can_be_wrong_is_tried(cls):
    """A new parameter cannot be forgotten."""
    assert cls().get_params().keys() == BAD_VALUES_OF[cls].keys()


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        pytest.param(cls, name, value, id=f"{cls.__name__[7:]}-{name}-{value}")
        for cls in BOTH
        for name, values in BAD_VALUES_OF[cls].items()
        for value in values
    ],
)
def test_a_wrong_value_is_refused_by_name_rule_and_value(cls, name, value):
    X, y = problem(cls)
    if name == "activation" and isinstance(value, list):
        value = value[:1] if value == ["sigmoid"] else value
    model = cls(**SGD).fit(X, y)
    before = learnt(model)
    model.set_params(**{name: value})
    with pytest.raises(
        ValueError, match=f"'{name}' parameter of {cls.__name__} must be"
    ) as e:
        model.fit(X, y)
    assert f"Got {value!r} instead" in str(e.value)
    assert learnt(model) == before


# where infinity is a value, so is a number beyond all floats
NUMBERS = [
    "alpha", "batch_growth", "bias_init", "damping", "goal", "init", "input_clip",
    "learning_rate_init", "max_time", "tol", "twist",
]  # fmt: skip


@both
@pytest.mark.parametrize("name", NUMBERS)
def test_ints_that_no_float_can_stand_for_are_refused(cls, name):
    X, y = problem(cls)
    model = cls(**SGD).set_params(**{name: 10**400})
    with pytest.raises(ValueError, match=f"'{name}' parameter .* must be .* in size"):
        model.fit(X, y)


NARROW = {
    "hidden_layer_sizes": 5, "batch_size": 3, "max_iter": 100, "max_fun": 100,
    "n_iter_no_change": 100, "curvature_samples": 100, "curvature_period": 3,
    "n_estimators": 2, "random_state": 1, "verbose": 0, "alpha": 1, "max_time": 100,
    "checkpoint_interval": 100,
}  # fmt: skip


@both
@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam", "lbfgs", "lm"])
@pytest.mark.parametrize("name", NARROW)
def test_narrow_ints_of_numpy_are_ints(cls, solver, name):
    X, y = problem(cls, 20)
    settings = SGD | {"solver": solver}
    wanted = cls(**settings | {name: NARROW[name]}).fit(X, y)
    found = cls(**settings | {name: np.int8(NARROW[name])}).fit(X, y)
    np.testing.assert_array_equal(found.theta_, wanted.theta_)


@both
@pytest.mark.parametrize("value", [np.array(1.0), {}, [[0], [1]]], ids=str)
@pytest.mark.parametrize("name", ["hidden_layer_sizes", "categorical_features"])
def test_lists_of_numbers_have_one_dimension(cls, name, value):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y).set_params(**{name: value})
    assert_refused(model, lambda m: m.fit(X, y), name)


# ------------------------------------------------------------------------- combinations


# settings that do not go together -> what is said
BAD_COMBINATIONS = [
    ({"activation": ["tanh", "tanh"]}, r"list of 1, one per hidden layer.*\(5,\)"),
    ({"activation": ["tanh"], "hidden_layer_sizes": ()}, "list of 0"),
    ({"activation": ["sigmoid"]}, "'sigmoid' is none of these"),
    ({"init": np.zeros(7)}, r"'init'.* array of shape \(\d+,\)"),
    ({"init": np.zeros((5, 3))}, r"'init'.* array of shape \(\d+,\)"),
]
BAD_FOR_CLASSIFIERS = [
    ({"loss": "log_loss", "output_activation": "tanh"}, "'output_activation'.*softmax"),
    (
        {"loss": "log_loss", "output_activation": ACTIVATIONS["tanh"]},
        "'output_activation'.*softmax",
    ),
    (
        {"loss": "squared_error", "target_values": (-2, 2)},
        r"target_values .*\(-2.0, 2.0\).* range",
    ),
    (
        {
            "loss": "squared_error",
            "target_values": (-1, 1),
            "output_activation": "logistic",
        },
        "target_values.*range",
    ),
    (
        {
            "loss": "squared_error",
            "target_values": (-1, 1),
            "output_activation": "relu",
        },
        "target_values.*range",
    ),
    ({"class_weight": {0: -1.0}}, "class_weight"),
]


@pytest.mark.parametrize(
    ("cls", "settings", "message"),
    [(cls, *case) for cls in BOTH for case in BAD_COMBINATIONS]
    + [(EffPropClassifier, *case) for case in BAD_FOR_CLASSIFIERS],
)
def test_settings_that_do_not_go_together_are_refused(cls, settings, message):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    before = learnt(model)
    for call in ("fit", "partial_fit"):
        changed = clone(model).set_params(**settings)
        with pytest.raises(ValueError, match=message):
            getattr(changed, call)(X, y)
        assert not hasattr(changed, "theta_")
    with pytest.raises(ValueError, match=message):
        model.set_params(**settings).fit(X, y)
    assert learnt(model) == before


@both
def test_a_clip_after_a_rotation_is_refused_for_sparse_data(cls):
    X, y = problem(cls)
    for normalize in ("decorrelate", "whiten"):
        model = cls(**SGD, normalize=normalize, input_clip=3.0).fit(X, y)
        assert_refused(
            model,
            lambda m: m.fit(sparse.csr_array(X), y),
            rf"input_clip=3.0 cannot follow normalize='{normalize}'.*dense X",
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"class_weight": {"a": 5.0}}, "class_weight names .*'a'.*not among"),
        ({"activation": Activation(9)}, "activation.*known kind"),
        ({"activation": Activation(TANH, slope=0.0)}, "activation.*slope > 0"),
        (
            {"output_activation": Activation(TANH, amplitude=-1.0)},
            "output_activation.*does not fall",
        ),
    ],
)
def test_what_would_be_silently_wrong_is_refused(settings, message):
    X, y = problem(EffPropClassifier)
    with pytest.raises(ValueError, match=message):
        EffPropClassifier(**{**SGD, **settings}).fit(X, y)


# -------------------------------------------------------------------------- old weights


@both
@pytest.mark.parametrize(
    "change",
    [
        {"hidden_layer_sizes": (6,)},
        {"hidden_layer_sizes": (5, 5)},
        {"activation": "relu"},
        {"twist": 0.1},
        {"output_activation": "identity"},
    ],
    ids=str,
)
def test_a_changed_network_cannot_go_on_from_old_weights(cls, change):
    if cls is EffPropRegressor and "output_activation" in change:
        change = {"output_activation": "tanh"}
    X, y = problem(cls)
    model = cls(**SGD, warm_start=True).fit(X, y)
    model.set_params(**change)
    message = r"(network|output_activation) was .* and would become.*warm_start=False"
    assert_refused(model, lambda m: m.fit(X, y), message)
    assert_refused(model, lambda m: m.partial_fit(X, y), message)
    assert model.set_params(warm_start=False).fit(X, y).n_iter_ == 2


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "squared_error"}, {"target_values": (-0.5, 0.5)},
        {"normalize": "whiten"}, {"input_clip": 2.0},
    ],
)  # fmt: skip
def test_another_coding_of_data_cannot_go_on_from_old_weights(change):
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SGD, warm_start=True).fit(X, y).set_params(**change)
    (name,) = change
    assert_refused(model, lambda m: m.fit(X, y), f"{name} was .*would become")
    assert_refused(model, lambda m: m.partial_fit(X, y), f"{name} was .*would become")


@pytest.mark.parametrize("change", ["fewer", "other", "multilabel"])
def test_a_warm_fit_wants_the_same_classes(change):
    X, y = problem(EffPropClassifier)
    others = {"fewer": np.minimum(y, 1), "other": y + 1, "multilabel": np.eye(3)[y]}
    model = EffPropClassifier(**SGD, warm_start=True).fit(X, y)
    message = r"warm_start can only be used .* same classes .* got \[0 1 2\]"
    if change == "multilabel":
        # as many labels as there were classes
        message = "y is multilabel, but the model was fitted on single labels"
    assert_refused(model, lambda m: m.fit(X, others[change]), message)


@both
def test_weights_of_another_shape_are_not_taken(cls):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    with pytest.raises(ValueError, match=r"coefs_ must have the shapes \["):
        model.coefs_ = model.coefs_[:1]
    with pytest.raises(ValueError, match=r"intercepts_ must have the shapes \["):
        model.intercepts_ = [b[:1, None] for b in model.intercepts_]
