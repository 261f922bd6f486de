"""Section 4 of the paper, and the two-weight network of section 5.2, as experiments.

There is one test for each claim, named after its section.

Unless a test says otherwise: 64-30-10 networks with f = 1.7159 tanh(2x/3) in all layers
and targets of exactly -1 and 1, weights from U(+-sqrt(3/m)), biases zero, on-line
gradient descent at a constant rate.  Where test accuracies are compared, each is the
best over a grid of rates of the mean over seeds, so that every contender has the rate
that suits it.  Where a claim does not reproduce, the docstring says so.
"""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core import presentation
from sk_effprop.core.activations import ACTIVATIONS, TANH, Activation

pytestmark = [pytest.mark.paper, pytest.mark.no_cover]

SIGMOID = ACTIVATIONS["lecun_tanh"]
# they matter to these experiments, whatever the defaults may become
ON_LINE = {
    "solver": "sgd",
    "batch_size": 1,
    "shuffle": True,
    "learning_rate": "constant",
    "learning_rate_scaling": "none",
    "momentum": 0.0,
    "input_clip": None,
    "alpha": 0.0,
    "tol": 0.0,
}
RATES = (0.001, 0.003, 0.01, 0.02, 0.04)
SEEDS = range(3)
RARE = (0, 2, 4, 6, 8)

can_diverge = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


@cache
def digits():
    """Return a thousand digits to learn from, and the other 797."""
    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))
    train, test = rows[:1000], rows[1000:]
    return X[train], y[train], X[test], y[test]


def classifier(**changes):
    """Return the network of this module, three epochs long."""
    return EffPropClassifier(
        **{
            "hidden_layer_sizes": (30,),
            "activation": "lecun_tanh",
            "loss": "squared_error",
            "target_values": (-1, 1),
            "normalize": "standardize",
            "init": "lecun_uniform",
            "bias_init": "zero",
            "learning_rate_init": 0.01,
            "max_iter": 3,
            "random_state": 0,
            **ON_LINE,
            **changes,
        }
    )


def regressor(**changes):
    """Return a network that takes inputs and targets as they are."""
    return EffPropRegressor(
        **{"normalize": None, "normalize_target": False, **ON_LINE, **changes}
    )


def means(rates, seeds, figure):
    """Return the mean over the seeds of ``figure(rate, seed)`` for every rate."""
    return [np.mean([figure(rate, seed) for seed in seeds]) for rate in rates]


def accuracy_after(X, y, *, rates=RATES, seeds=SEEDS, **changes):
    """Accuracy on the test digits after training on (X, y), at the best rate."""
    _, _, X_test, y_test = digits()

    def accuracy(rate, seed):
        model = classifier(learning_rate_init=rate, random_state=seed, **changes)
        return model.fit(X, y).score(X_test, y_test)

    return max(means(rates, seeds, accuracy))


# -------------------------------------------------------- 4.1 stochastic against batch


def ten_copies():
    """Return 100 digits, and the same ten times."""
    X, y, *_ = digits()
    return X[:100], y[:100], np.tile(X[:100], (10, 1)), np.tile(y[:100], 10)


def test_section_4_1_ten_copies_have_the_gradient_of_one():
    """Ten copies of 100 examples have the mean gradient of the 100."""
    X, y, X_copies, y_copies = ten_copies()
    model = classifier().fit(X_copies, y_copies)
    value, gradient = model.loss_and_gradient(X, y)
    value_of_copies, gradient_of_copies = model.loss_and_gradient(X_copies, y_copies)
    assert np.linalg.norm(gradient) > 0.01
    np.testing.assert_allclose(value_of_copies, value, rtol=0, atol=1e-12)
    np.testing.assert_allclose(gradient_of_copies, gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(2))
def test_section_4_1_stochastic_learning_uses_redundancy(seed):
    """On ten copies, batch learning at its best rate needs ten times the epochs."""
    _, _, X, y = ten_copies()
    stochastic = classifier(learning_rate_init=0.02, random_state=seed).fit(X, y)
    batch = [
        classifier(
            batch_size="full",
            learning_rate_init=rate,
            goal=stochastic.loss_,
            max_iter=200,
            random_state=seed,
        ).fit(X, y)
        for rate in (0.2, 0.3, 0.5, 0.7)
    ]
    epochs = [model.n_iter_ for model in batch if model.convergence_.reason == "goal"]
    assert epochs, "batch learning must get there as well"
    assert stochastic.n_iter_ < min(epochs) / 10


# --------------------------------------------------------------- 4.2 order of examples


def test_section_4_2_shuffling_beats_sorted_presentation():
    """Shuffled examples are learnt much faster than those sorted by class."""
    X, y, *_ = digits()
    by_class = np.argsort(y, kind="stable")
    in_order = accuracy_after(
        X[by_class], y[by_class], rates=(3e-4, 6e-4, 1e-3, 2e-3), shuffle=False
    )
    assert accuracy_after(X, y) - in_order > 0.05


def test_section_4_2_class_alternation_is_no_more_than_shuffling():
    """That successive examples should be of different classes does not reproduce.

    The ten digits are balanced, so that shuffling alone makes nine of ten successive
    examples differ; spreading the classes evenly stays within .02 of it.
    """
    X, y, *_ = digits()
    setting = {"rates": (0.003, 0.01), "seeds": range(5)}
    shuffled = accuracy_after(X, y, **setting)
    alternating = accuracy_after(X, y, shuffle="interleave", **setting)
    assert abs(alternating - shuffled) < 0.02


def test_section_4_2_emphasis_is_no_gain_on_balanced_digits():
    """That emphasis speeds learning up does not reproduce where no class is rare."""
    X, y, *_ = digits()
    setting = {"rates": (0.003, 0.01), "seeds": range(5)}
    even = accuracy_after(X, y, **setting)
    emphasised = accuracy_after(X, y, emphasis=0.5, **setting)
    assert abs(emphasised - even) < 0.02


def with_rare_classes(seed):
    """Return ten examples of each even digit, and all of the odd ones."""
    X, y, *_ = digits()
    rng = np.random.default_rng(seed)
    rows = [
        rng.choice(of_class, 10, replace=False) if digit in RARE else of_class
        for digit in range(10)
        for of_class in [np.flatnonzero(y == digit)]
    ]
    rows = rng.permutation(np.concatenate(rows))
    return X[rows], y[rows]


def test_section_4_2_emphasis_helps_rare_classes():
    """Emphasis learns rare classes sooner: five digits of ten examples each.

    It is a matter of speed: after 20 epochs instead of five nothing is left of it.
    """
    _, _, X_test, y_test = digits()

    def balanced_accuracy(emphasis):
        def accuracy(rate, seed):
            model = classifier(
                learning_rate_init=rate,
                emphasis=emphasis,
                max_iter=5,
                random_state=seed,
            ).fit(*with_rare_classes(seed))
            right = model.predict(X_test) == y_test
            return np.mean([np.mean(right[y_test == digit]) for digit in range(10)])

        return max(means((0.003, 0.01, 0.02), range(8), accuracy))

    assert balanced_accuracy(1.0) - balanced_accuracy(0.0) > 0.02


def error_with_outliers(emphasis):
    """Error on sin(2x) at the best rate, learnt from data with 5 % outliers."""
    grid = np.linspace(-2, 2, 200)[:, None]

    def error(rate, seed):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-2, 2, size=(300, 1))
        y = np.sin(2 * X[:, 0]) + rng.normal(0, 0.1, size=300)
        outliers = rng.random(300) < 0.05
        y[outliers] += rng.choice([-3.0, 3.0], size=np.sum(outliers))
        model = regressor(
            hidden_layer_sizes=(10,),
            normalize="standardize",
            bias_init="data",
            learning_rate_init=rate,
            emphasis=emphasis,
            max_iter=30,
            random_state=seed,
        ).fit(X, y)
        return np.mean((model.predict(grid) - np.sin(2 * grid[:, 0])) ** 2)

    return min(means((0.003, 0.01), range(4), error))


@can_diverge
def test_section_4_2_outliers_are_a_disaster_for_unguarded_emphasis(monkeypatch):
    """Outliers ruin emphasis, as the paper warns, but not with outliers held back."""
    even, guarded = error_with_outliers(0.0), error_with_outliers(1.0)
    monkeypatch.setattr(presentation, "OUTLIER_FENCE", np.inf)
    unguarded = error_with_outliers(1.0)
    assert guarded < even
    assert unguarded > 2.0 * even


def test_section_4_2_frequent_wrong_labels_hurt_even_guarded_emphasis():
    """With 20 % wrong labels they are no outliers any more, and emphasis does harm."""
    X, y, *_ = digits()
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.2
    labels = np.where(wrong, (y + rng.integers(1, 10, size=len(y))) % 10, y)
    setting = {"rates": (0.001, 0.003, 0.01), "seeds": range(4), "max_iter": 5}
    even = accuracy_after(X, labels, **setting)
    emphasised = accuracy_after(X, labels, emphasis=1.0, **setting)
    assert even - emphasised > 0.01


# -------------------------------------------------------------------------- 4.3 inputs


@pytest.mark.parametrize("normalize", ["center", "standardize", "whiten"])
def test_section_4_3_normalised_inputs_are_learnt_faster(normalize):
    """Inputs of mean 0 are learnt much faster than pixels from 0 to 16.

    That decorrelated beat standardised, and these centred inputs, does not reproduce on
    digits, so there is no ranking among them.
    """
    X, y, *_ = digits()
    # the best rate for raw pixels lies between .002 and .005
    raw = accuracy_after(X, y, rates=(0.001, 0.002, 0.003, 0.005), normalize=None)
    rates = (0.003, 0.01)
    assert accuracy_after(X, y, rates=rates, normalize=normalize) - raw > 0.05


# ------------------------------------------------------------------------- 4.4 sigmoid


def test_section_4_4_the_sigmoid_maps_plus_minus_1_to_itself():
    """f(+-1) = +-1, to five digits."""
    np.testing.assert_allclose(SIGMOID.f([-1.0, 1.0]), [-1.0, 1.0], rtol=0, atol=1e-5)


def test_section_4_4_the_second_derivative_peaks_near_plus_minus_1():
    """|f''| is largest at +-1: reproduces to 1.3 %, the peak is at +-.9877."""
    z = np.linspace(-5, 5, 100_001)
    peak = abs(z[np.argmax(np.abs(SIGMOID.d2f(z)))])
    assert peak == pytest.approx(1.0, abs=0.013)
    assert peak == pytest.approx(SIGMOID.curvature_peak, abs=1e-4)


def test_section_4_4_the_effective_gain_is_near_1():
    """Inputs of variance 1 leave with a variance near 1: the std becomes .866."""
    z, weight = np.polynomial.hermite_e.hermegauss(100)
    weight /= weight.sum()
    assert weight @ SIGMOID.f(z) == pytest.approx(0.0, abs=1e-12)
    assert np.sqrt(weight @ SIGMOID.f(z) ** 2) == pytest.approx(0.866, abs=0.005)


def test_section_4_4_a_ratio_of_polynomials_approximates_the_sigmoid():
    """A ratio of polynomials stands in for the tanh, with an error below 1e-4."""
    rational, z = ACTIVATIONS["rational_tanh"], np.linspace(-25, 25, 100_001)
    tanh = rational.f(z) / rational.amplitude
    np.testing.assert_allclose(tanh, np.tanh(2 * z / 3), rtol=0, atol=1e-4)
    np.testing.assert_allclose(rational.f(z), SIGMOID.f(z), rtol=0, atol=1e-4)
    assert np.max(np.abs(rational.f(z) - SIGMOID.f(z))) > 1e-5


def test_section_4_4_a_ratio_of_polynomials_trains_as_the_sigmoid_does():
    """With the rational tanh in all layers the training curve is the same to 1 %."""
    X, y, *_ = digits()
    exact, rational = (
        classifier(activation=activation, max_iter=10).fit(X, y)
        for activation in ("lecun_tanh", "rational_tanh")
    )
    assert {a.kind for a in rational.network_.activations} == {
        ACTIVATIONS["rational_tanh"].kind
    }
    assert exact.loss_curve_[-1] < exact.loss_curve_[0] / 3
    np.testing.assert_allclose(rational.loss_curve_, exact.loss_curve_, rtol=0.01)


# ------------------------------------------------------------------------- 4.5 targets


def test_section_4_5_targets_at_the_asymptotes_saturate_the_outputs():
    """Targets at the asymptotes make weights grow, outputs saturate and f' vanish.

    That they make the network worse does not reproduce: its test accuracy is about the
    same, so nothing is asserted of it.
    """
    X, y, *_ = digits()

    def outputs_of(target_values):
        model = classifier(target_values=target_values, max_iter=60).fit(X, y)
        z = model.decision_function(X)
        return np.linalg.norm(model.coefs_[1]), np.abs(SIGMOID.f(z)), SIGMOID.df(z)

    norm, outputs, slopes = outputs_of((-1, 1))
    far_norm, far_outputs, far_slopes = outputs_of("asymptote")
    assert far_norm > 2 * norm
    assert np.mean(far_slopes) < np.mean(slopes) / 5
    assert np.mean(far_outputs > 1.6) > 0.5 > np.mean(outputs > 1.6)


# ----------------------------------------------------------------- 4.6 initial weights


def accuracy_from(scale, rates, hidden_layer_sizes=(30,)):
    """Test accuracy from weights of ``scale`` times the std of eq. (16)."""
    X, y, X_test, y_test = digits()
    sizes = (64, *hidden_layer_sizes, 10)

    def start(seed):
        rng = np.random.default_rng(seed)
        layers = []
        for m, n in pairwise(sizes):
            bound = scale * np.sqrt(3 / m)
            layers += [rng.uniform(-bound, bound, size=m * n), np.zeros(n)]
        return np.concatenate(layers)

    def accuracy(rate, seed):
        model = classifier(
            hidden_layer_sizes=hidden_layer_sizes,
            init=start(seed),
            learning_rate_init=rate,
            random_state=seed,
        )
        return model.fit(X, y).score(X_test, y_test)

    return max(means(rates, SEEDS, accuracy))


def test_section_4_6_large_initial_weights_are_slow():
    """Weights of eq. (16) learn much faster than those eight times as large."""
    large = accuracy_from(8.0, rates=(0.01, 0.02, 0.04, 0.08))
    assert accuracy_from(1.0, rates=(0.003, 0.01)) - large > 0.05


def test_section_4_6_tiny_initial_weights_are_slow_in_deeper_networks():
    """Tiny weights keep three layers of weights from learning in three epochs."""
    sizes = (30, 30)
    tiny = accuracy_from(0.006, (0.01, 0.02, 0.04, 0.08), hidden_layer_sizes=sizes)
    assert accuracy_from(1.0, (0.01, 0.02), hidden_layer_sizes=sizes) - tiny > 0.3


def test_section_4_6_tiny_initial_weights_do_no_harm_to_one_hidden_layer():
    """That tiny weights are slow does not reproduce with one hidden layer."""
    rates = (0.003, 0.01)
    assert accuracy_from(1.0, rates) - accuracy_from(0.006, rates) < 0.02


# ------------------------------------------------------------------ 4.7 learning rates


@pytest.mark.parametrize("seed", range(3))
def test_section_4_7_the_flow_rate_anneals_and_follows_a_moving_optimum(seed):
    """The rate of (17)-(19) falls near the optimum and rises when that jumps."""
    rng = np.random.default_rng(seed)
    side = np.tile([-1.0, 1.0], 50)
    X = side[:, None] * [0.4, 0.8] + rng.normal(0, 0.2, size=(100, 2))
    inputs = np.column_stack([X, np.ones(100)])
    residuals = side - inputs @ np.linalg.lstsq(inputs, side)[0]
    minimum = np.mean(residuals**2) / 2

    model = regressor(
        hidden_layer_sizes=(),
        learning_rate="flow",
        flow_rates=(0.1, 1.0, 0.01),
        learning_rate_init=0.1,
        init=np.array([-1.0, 1.0, 0.5]),
        random_state=seed,
    )
    for _ in range(30):
        model.partial_fit(X, side)
    near = model.learning_rate_curve_[-1]
    assert near < 0.1 / 5
    assert model.loss_ < 1.1 * minimum

    # the optimum jumps to its negative
    assert model.loss_and_gradient(X, -side)[0] > 10 * minimum
    for _ in range(15):
        model.partial_fit(X, -side)
    rates_after = model.learning_rate_curve_[30:]
    assert max(rates_after) > 5 * near
    assert rates_after[-1] < max(rates_after) / 5
    assert model.loss_ < 1.1 * minimum


# -------------------------------------------------------------- 5.2 the 1-1-1 network


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4, pytest.param(1.0, marks=can_diverge)])
@pytest.mark.parametrize("seed", range(5))
def test_section_5_2_a_network_of_two_weights_learns_at_many_rates(rate, seed):
    """The 1-1-1 network reaches a loss of .05 in 40 epochs, at rates from .05 to 1.

    At rate 1 one of the five starts (seed 3) does so only because training that has
    diverged goes on at half the rate; without that .062 is the best it reaches.
    """
    rng = np.random.default_rng(seed)
    X = np.concatenate([rng.normal(-1, 0.4, size=10), rng.normal(1, 0.4, size=10)])
    y = np.repeat([-1.0, 1.0], 10)
    sigmoid = Activation(TANH, amplitude=1.71, slope=2 / 3)
    model = regressor(
        hidden_layer_sizes=(1,),
        activation=sigmoid,
        output_activation=sigmoid,
        init=rng.uniform(-0.5, 0.5, size=4),
        learning_rate_init=rate,
        max_iter=40,
        random_state=seed,
    ).fit(X[:, None], y)
    assert model.loss_ < 0.05
