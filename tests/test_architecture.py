"""What may import what, and that texts and code speak of the same things."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import sk_effprop
from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop.estimators._parameters import CLASSIFIER, REGRESSOR

PACKAGE = Path(sk_effprop.__file__).parent
REPOSITORY = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = [
    module.name
    for module in pkgutil.walk_packages([str(PACKAGE)], "sk_effprop.")
    if not module.name.endswith("__main__")
]

# What each part may import of the package, itself and core apart; the first entry that
# fits counts. What is above may import what is below, never the other way round.
ALLOWED = {
    "sk_effprop._sklearn": (),
    "sk_effprop.core": (),
    "sk_effprop.solvers.base": (),
    "sk_effprop.solvers": ("sk_effprop.solvers.base",),
    "sk_effprop.training": ("sk_effprop.solvers.base",),
    "sk_effprop._moments": (),
    "sk_effprop._threads": (),
    "sk_effprop._version": (),
    "sk_effprop._quantiles": (),
    "sk_effprop._input_statistics": ("sk_effprop._moments", "sk_effprop._quantiles"),
    "sk_effprop._frames": (),
    "sk_effprop._columns": ("sk_effprop._frames",),
    "sk_effprop._missing": ("sk_effprop._quantiles",),
    "sk_effprop._levels": ("sk_effprop._columns",),
    "sk_effprop._text": ("sk_effprop._columns", "sk_effprop._levels"),
    "sk_effprop._tables": (
        "sk_effprop._columns",
        "sk_effprop._frames",
        "sk_effprop._levels",
        "sk_effprop._missing",
        "sk_effprop._sklearn",
        "sk_effprop._text",
        "sk_effprop._version",
    ),
    "sk_effprop._table_parts": (
        "sk_effprop._columns",
        "sk_effprop._levels",
        "sk_effprop._missing",
        "sk_effprop._tables",
    ),
    "sk_effprop.preprocessing": (
        "sk_effprop._input_statistics",
        "sk_effprop._sklearn",
        "sk_effprop._version",
    ),
    # above the estimators, whose types it registers
    "sk_effprop.export._skl2onnx": (
        "sk_effprop._tables",
        "sk_effprop.estimators",
        "sk_effprop.export",
        "sk_effprop.preprocessing",
    ),
    # below the estimators, whose fitted attributes are all it knows of them
    "sk_effprop.export": ("sk_effprop._columns", "sk_effprop._version"),
    "sk_effprop.estimators": (
        "sk_effprop._columns",
        "sk_effprop._input_statistics",
        "sk_effprop._missing",
        "sk_effprop._moments",
        "sk_effprop._sklearn",
        "sk_effprop._table_parts",
        "sk_effprop._tables",
        "sk_effprop._text",
        "sk_effprop._threads",
        "sk_effprop._version",
        "sk_effprop.export",
        "sk_effprop.preprocessing",
        "sk_effprop.solvers",
        "sk_effprop.training",
    ),
    "sk_effprop._containers": ("sk_effprop.estimators",),
    "sk_effprop.inspection": ("sk_effprop",),
    "sk_effprop.distributed": ("sk_effprop",),
    "sk_effprop.out_of_core": ("sk_effprop",),
    "sk_effprop.model_selection": ("sk_effprop",),
    "sk_effprop.tour": ("sk_effprop",),
    "sk_effprop.__main__": ("sk_effprop",),
    "sk_effprop": (
        "sk_effprop._tables",
        "sk_effprop._version",
        "sk_effprop.distributed",
        "sk_effprop.estimators",
        "sk_effprop.export",
        "sk_effprop.inspection",
        "sk_effprop.model_selection",
        "sk_effprop.out_of_core",
        "sk_effprop.preprocessing",
    ),
}
# parts in which modules do not import each other
STRANGERS = ("sk_effprop.solvers",)


def module_name(path):
    """sk_effprop.core.network for .../sk_effprop/core/network.py."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source):
    """(module, name) of every import, also of those inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.module, alias.name) for alias in node.names)


def imported_modules(source):
    """Modules of the package that are imported; ``from package import module`` too."""
    for module, name in imports(source):
        submodule = f"{module}.{name}"
        yield submodule if submodule in MODULES else module


def is_in(module, part):
    """True if a module is this part or inside it."""
    return module == part or module.startswith(f"{part}.")


def part_of(module):
    """The entry of ALLOWED that counts for a module."""
    return next(part for part in ALLOWED if is_in(module, part))


def wrong_imports(module, source, *, is_package=False):
    """What a module imports of the package and may not."""
    part = part_of(module)
    permitted = [*ALLOWED[part]]
    if part not in ("sk_effprop.core", "sk_effprop._sklearn"):
        permitted.append("sk_effprop.core")
    if part not in STRANGERS or is_package:
        permitted.append(part)
    return [
        other
        for other in imported_modules(source)
        if is_in(other, "sk_effprop")
        and not (other == "sk_effprop" and "sk_effprop" in permitted)
        and not any(is_in(other, ok) for ok in permitted)
    ]


each_file = pytest.mark.parametrize("path", FILES, ids=module_name)


@each_file
def test_imports_point_downwards(path):
    is_package = path.name == "__init__.py"
    source = path.read_text(encoding="utf-8")
    assert wrong_imports(module_name(path), source, is_package=is_package) == []


@pytest.mark.parametrize(
    ("part", "allowed"),
    [
        ("sk_effprop.core", set()),
        ("sk_effprop.solvers", set()),
        ("sk_effprop.training", set()),
    ],
)
def test_parts_below_the_estimators_know_nothing_of_scikit_learn(part, allowed):
    files = [path for path in FILES if is_in(module_name(path), part)]
    assert len(files) > 3
    for path in files:
        source = path.read_text(encoding="utf-8")
        taken = {(m, name) for m, name in imports(source) if is_in(m, "sklearn")}
        assert taken <= allowed, path


@each_file
def test_what_is_private_in_scikit_learn_is_imported_in_one_place(path):
    source = path.read_text(encoding="utf-8")
    private = [
        f"{module}.{name}"
        for module, name in imports(source)
        if is_in(module, "sklearn") and re.search(r"\._", f".{module}.{name or ''}")
    ]
    assert bool(private) == (path.name == "_sklearn.py")


@each_file
def test_extras_are_imported_where_they_are_used(path):
    """So that everything else works without them; one folder is numba's own."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_import = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    compilers = {"numba", "llvmlite"}
    others = {"matplotlib", "pandas", "rich", "onnx", "skl2onnx", "narwhals", "optuna"}
    others |= {"dask", "distributed", "pyarrow"}
    extras = {*compilers, *others}
    source = "\n".join(ast.unparse(node) for node in at_import)
    imported = [(m, f"{m}.{n}") for m, n in imports(source)]
    folder = "sk_effprop.core.compiled"
    is_compiled = module_name(path).startswith(f"{folder}.")
    own = compilers if is_compiled else set()
    assert not [m for m, _ in imported if m.split(".")[0] in extras - own]
    if not is_compiled:
        names = {str(name) for pair in imported for name in pair}
        assert not [
            name
            for name in names
            if name.startswith(f"{folder}.") and name != f"{folder}.why_not_compiled"
        ]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sk_effprop.core.x", "from sk_effprop.solvers import LBFGS"),
        ("sk_effprop.core.x", "def f():\n    import sk_effprop"),
        ("sk_effprop.solvers.x", "from sk_effprop.solvers.lbfgs import LBFGS"),
        ("sk_effprop.solvers.x", "from sk_effprop.solvers import lbfgs"),
        ("sk_effprop.solvers.base", "import sk_effprop.solvers.lbfgs"),
        ("sk_effprop.training.x", "from sk_effprop.solvers import LBFGS"),
        ("sk_effprop.preprocessing", "from sk_effprop import EffPropClassifier"),
        ("sk_effprop.export.x", "from sk_effprop import EffPropClassifier"),
        ("sk_effprop.export.x", "from sk_effprop.estimators import _base"),
        ("sk_effprop.estimators.x", "from sk_effprop.model_selection import ablation"),
        ("sk_effprop.estimators.x", "from sk_effprop import model_selection"),
        ("sk_effprop.estimators.x", "import sk_effprop"),
    ],
)
def test_wrong_imports_are_noticed(module, source):
    """The test above can fail."""
    assert len(wrong_imports(module, source)) == 1


def test_every_module_is_looked_at():
    """So is every part of the package."""
    assert "sk_effprop.core.network" in MODULES
    assert {module_name(path) for path in FILES} == {
        *MODULES, "sk_effprop", "sk_effprop.__main__",
    }  # fmt: skip
    for path in FILES:
        assert part_of(module_name(path)) != "sk_effprop" or path.parent == PACKAGE


# ------------------------------------------------------------------------------- texts


TRICKS = (REPOSITORY / "docs" / "tricks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(CLASSIFIER | REGRESSOR))
def test_docs_tricks_speaks_of_every_hyperparameter(name):
    assert re.search(rf"\b{name}\b", TRICKS)


@pytest.mark.parametrize("cls", [EffPropClassifier, EffPropRegressor])
def test_docs_tricks_says_why_of_every_default(cls):
    """In a row of the last table that names parameter, default and reason."""
    rows = re.findall(r"^\| (.*) \| (.*) \| (.*) \|$", TRICKS.split("and why")[1], re.M)
    for name, parameter in inspect.signature(cls).parameters.items():
        ((_, shown, why),) = [row for row in rows if f"`{name}`" in row[0]]
        default = parameter.default
        if isinstance(default, tuple):
            default = ", ".join(f"{number:g}" for number in default)
        elif isinstance(default, float):
            default = f"{default:g}"
        assert str(default) in shown, name
        assert len(why) > 5, name


@pytest.mark.parametrize("name", ["sk_effprop", *MODULES])
def test_examples_in_docstrings_work(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def public_functions():
    """Those that a user calls, methods included, each with where its example may be."""
    packages = "inspection", "export", "model_selection", "distributed", "out_of_core"
    for package in packages:
        module = importlib.import_module(f"sk_effprop.{package}")
        for name in module.__all__:
            if inspect.isfunction(getattr(module, name)):
                function = getattr(module, name)
                yield pytest.param(function, function, id=name)
    for cls in EffPropClassifier, EffPropRegressor, InputNormalizer:
        for name in dir(cls):
            method = inspect.unwrap(getattr(cls, name))
            is_ours = str(getattr(method, "__module__", "")).startswith("sk_effprop")
            if is_ours and inspect.isfunction(method) and not name.startswith("_"):
                yield pytest.param(method, cls, id=f"{cls.__name__}.{name}")


@pytest.mark.parametrize(("function", "shown_by"), list(public_functions()))
def test_public_docstrings_say_what_comes_back_what_is_raised_and_how(
    function, shown_by
):
    sections = re.findall(r"^(\w+)\n-{4,}$", inspect.getdoc(function), re.M)
    takes_something = len(inspect.signature(function).parameters) > 1
    wanted = ["Parameters"] * takes_something + ["Returns", "Raises"]
    assert [section for section in sections if section in wanted] == wanted
    assert ">>>" in inspect.getdoc(function) + inspect.getdoc(shown_by)


def test_there_are_examples_in_docstrings():
    """The test above finds some."""
    finder = doctest.DocTestFinder()
    with_examples = {
        name
        for name in MODULES
        if any(test.examples for test in finder.find(importlib.import_module(name)))
    }
    assert {
        "sk_effprop.core.network",
        "sk_effprop.estimators._classifier",
        "sk_effprop.estimators._regressor",
        "sk_effprop.export._mlp",
        "sk_effprop.export._onnx",
        "sk_effprop.model_selection.ablation",
        "sk_effprop.preprocessing",
    } <= with_examples
