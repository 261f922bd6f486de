"""What scikit-learn's common checks are run with, and what is expected to fail.

``python -m tests.estimators.contract`` counts the checks that default parameters pass,
next to those of scikit-learn's own networks.
"""

from collections import Counter
from warnings import catch_warnings, simplefilter

from sklearn.base import clone, is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import check_estimator

from sk_effprop import (
    EffPropClassifier,
    EffPropRegressor,
    InputNormalizer,
    TableEncoder,
)
from sk_effprop.core.losses import REGRESSION_LOSSES
from sk_effprop.estimators._parameters import CLASSIFIER, REGRESSOR
from sk_effprop.preprocessing import METHODS
from sk_effprop.solvers import SOLVERS, STOCHASTIC
from tests.covering import all_combinations, all_pairs, one_at_a_time

# set by the command line, see conftest.py
which_settings = "pairs"

# A stochastic solver shows an example of weight 2 once, with twice the step, and a
# repeated one in two steps: these agree in the mean over orders, not step by step.
WEIGHT_CHECKS = {
    f"check_sample_weight_equivalence_on_{kind}_data": "on-line updates cannot agree "
    "step by step"
    for kind in ("dense", "sparse")
}

TIED_PROBABILITIES = {
    "check_classifier_multioutput": "without a penalty, probabilities that are clipped "
    "to 1 tie where the outputs do not"
}

CONSTANT_OUTPUTS = {
    "check_classifier_multioutput": "radial basis functions above sigmoids may end at "
    "constant outputs, whose rounding errors have no order"
}

# Checks that want something to be learnt; the others look at types, shapes, errors, or
# at whether two fits agree, which needs no more than a few epochs.
LEARNING = {
    "check_class_weight_balanced_classifiers", "check_class_weight_classifiers",
    "check_classifiers_classes", "check_classifiers_train", "check_regressors_train",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}  # fmt: skip
FEW_EPOCHS = 5
# This one allows 1,000 epochs, and without a tolerance training uses them up.
UNTIL_IT_CONVERGES = "check_class_weight_classifiers"


class AnyClassifier(EffPropClassifier):
    """Of settings that were thrown together: they train, but need not learn well."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class AnyRegressor(EffPropRegressor):
    """As AnyClassifier."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


def estimators():
    """Defaults and single values, and settings in which several meet."""
    combined = [] if which_settings == "single" else combinations()
    return [*single_settings(), *combined]


def single_settings():
    """Defaults, which must pass everything, and what changes the kind of a fit."""
    both = EffPropClassifier, EffPropRegressor
    small = {"hidden_layer_sizes": (10,), "max_iter": epochs({})}
    chosen = [cls() for cls in both]
    chosen += [InputNormalizer(method) for method in (*METHODS, None)]
    chosen += [InputNormalizer(clip=4.0), TableEncoder()]
    for name in SOLVERS:
        more = {"solver": name, "max_iter": epochs({"solver": name})}
        chosen += [EffPropClassifier((10,), **more), EffPropRegressor(**more)]
    for more in ({"n_estimators": 3}, {"rbf_units": 20}):
        chosen += [cls(**small | more) for cls in both]
    chosen += [
        EffPropRegressor(**small, loss=name)
        for name in REGRESSION_LOSSES
        if name != "squared_error"
    ]
    return [*chosen, *(cls(**small, early_stopping=True) for cls in both)]


def combinations():
    """Settings in which every pair of values meets, or more."""
    chosen = []
    for estimator, any_estimator, registry in (
        (EffPropClassifier, AnyClassifier, CLASSIFIER),
        (EffPropRegressor, AnyRegressor, REGRESSOR),
    ):
        settings, wild = all_pairs(registry, max_alternatives=1), []
        if which_settings == "all":
            settings += one_at_a_time(registry)
            settings += all_combinations(registry, "solver", "loss", "normalize")
            wild = all_pairs(registry, max_alternatives=9)
        # a part of fifty examples is too few to choose the weights by
        wild += [s for s in settings if s.get("early_stopping") is True]
        chosen += [
            (any_estimator if s in wild else estimator)(**({"max_iter": epochs(s)} | s))
            for s in settings + [s for s in wild if s not in settings]
        ]
    return chosen


def trained_briefly(estimator, check_name):
    """The same, with no more epochs than the check needs."""
    if check_name == UNTIL_IT_CONVERGES and estimator.tol == 0.0:
        return clone(estimator).set_params(tol=1e-2)
    must_learn = check_name in LEARNING and not isinstance(
        estimator, AnyClassifier | AnyRegressor
    )
    if must_learn or getattr(estimator, "max_iter", "auto") == "auto":
        return estimator
    return clone(estimator).set_params(max_iter=FEW_EPOCHS)


def epochs(setting):
    """Enough for the checks that want a good score; adam's are one update each."""
    if setting.get("batch_size") == 1:
        return 20
    return 500 if setting.get("solver") == "adam" else 60


def expected_failures(estimator):
    """Checks that this setting cannot pass, with the reason."""
    if isinstance(estimator, InputNormalizer | TableEncoder):
        return {}
    # a random split or an int batch size make solver="auto" random, too
    stochastic = (
        estimator.solver in STOCHASTIC
        or estimator.early_stopping is True
        or isinstance(estimator.batch_size, int)
    )
    weights = WEIGHT_CHECKS if stochastic else {}
    is_cut_short = estimator.early_stopping is True
    if (
        not is_classifier(estimator)
        or estimator.loss != "squared_error"
        or is_cut_short
    ):
        return weights
    # outputs close to the asymptotes of a sigmoid are clipped
    is_saturating = (
        estimator.alpha == 0
        and estimator.target_values == "asymptote"
        and estimator.output_activation != "identity"
    )
    is_wild = isinstance(estimator, AnyClassifier)
    flat = CONSTANT_OUTPUTS if is_wild and estimator.rbf_units is not None else {}
    return weights | (TIED_PROBABILITIES if is_saturating else {}) | flat


def count(estimator):
    """How many of the common checks passed, failed or were skipped."""
    with catch_warnings():
        simplefilter("ignore")
        logs = check_estimator(estimator, on_skip=None, on_fail=None)
    return Counter(log["status"] for log in logs)


def summary(reports):
    """Lines about the reports of a run, a count for each of the default estimators."""
    names = [f"{cls.__name__}()" for cls in (EffPropClassifier, EffPropRegressor)]
    defaults = [
        f"{name}: {sum(f'[{name}-' in report.nodeid for report in reports)}"
        for name in names
    ]
    settings = {report.nodeid.split("-check_")[0] for report in reports}
    return [
        f"common checks passed, default parameters: {', '.join(defaults)}",
        f"common checks passed, {len(settings)} settings: {len(reports)}",
    ]


if __name__ == "__main__":
    for model in (
        EffPropClassifier(), EffPropRegressor(), MLPClassifier(), MLPRegressor(),
    ):  # fmt: skip
        counts = ", ".join(f"{n} {status}" for status, n in count(model).items())
        print(f"{type(model).__name__}: {counts}")
