"""A pytest plugin: the tests of scikit-learn's networks are given ours.

    pytest -c /dev/null -p tests.mlp_swap --pyargs sklearn.neural_network.tests.test_mlp

Before that module is imported, it puts our estimators where the module will import
scikit-learn's from; ``--mlp-defaults`` gives them MLP's defaults, too.
"""

from pathlib import Path

import sklearn.neural_network

from sk_effprop import EffPropClassifier, EffPropRegressor
from tests.test_readme import blocks

MIGRATING = Path(__file__).parent.parent / "docs" / "migrating.md"


def pytest_addoption(parser):
    """Add an option for MLP's defaults."""
    parser.addoption("--mlp-defaults", action="store_true")


def pytest_configure(config):
    """Swap the estimators."""
    for cls in EffPropClassifier, EffPropRegressor:
        name = cls.__name__.replace("EffProp", "MLP")
        setattr(sklearn.neural_network, name, cls)
        if config.getoption("--mlp-defaults"):
            set_defaults(cls, like_mlp(cls).get_params())


def like_mlp(cls):
    """Our estimator with MLP's defaults, as docs/migrating.md spells it out."""
    names = {}
    exec(blocks(MIGRATING.read_text(encoding="utf-8"), "python")[1], names)
    return names["classifier" if cls is EffPropClassifier else "regressor"]


def set_defaults(cls, values):
    """Change what the parameters are unless given, for the rest of the process."""
    init = cls.__init__
    names = init.__code__.co_varnames[1 : init.__code__.co_argcount]
    init.__defaults__ = tuple(values[name] for name in names)
    init.__kwdefaults__ = {name: values[name] for name in init.__kwdefaults__}
