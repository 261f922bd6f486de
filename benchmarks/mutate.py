"""Mutation testing: the share of small faults that the fast tests notice.

A mutant is the package with one operator, number, condition or statement changed.  It
is *killed* if a test fails.  A survivor shows that a test is missing, or that the
change has no effect::

    python benchmarks/mutate.py sk_effprop/core sk_effprop/solvers --sample 300

Nothing is written to disk: each mutant lives in a forked process, whose importer hands
out the changed module.
"""

import argparse
import ast
import importlib.abc
import importlib.util
import os
import random
import resource
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from copy import deepcopy
from pathlib import Path

# what is loaded here need not be loaded again by every mutant
import numba  # noqa: F401
import pytest
import scipy.optimize  # noqa: F401
import sklearn.linear_model  # noqa: F401

OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.MatMult: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or,
    ast.Or: ast.And,
}  # fmt: skip
# numba compiles these; they are compared with NumPy number by number
COMPILED = ("compiled", "lanes")
# CPU seconds after which a mutant that never ends counts as killed
MAX_SECONDS = 120


def variants(node):
    """Yield mutated copies of a node of the syntax tree."""
    match node:
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(node.op) in OPERATORS:
            yield _changed(node, op=OPERATORS[type(node.op)]())
        case ast.Compare() if type(node.ops[0]) in OPERATORS:
            first = OPERATORS[type(node.ops[0])]()
            yield _changed(node, ops=[first, *node.ops[1:]])
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
            if isinstance(node.value, float) and node.value:
                yield ast.Constant(node.value * 0.5)
        case ast.If() | ast.IfExp() | ast.While():
            yield _changed(node, test=ast.Constant(False))
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield ast.Pass()
        case ast.Return(value=ast.expr()):
            yield ast.Return(ast.Constant(None))


def _changed(node, **fields):
    changed = deepcopy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def places(tree):
    """Yield all mutations as (parent, field, index or None, variant)."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if field in ("annotation", "returns", "decorator_list"):
                continue
            several = isinstance(value, list)
            for index, node in enumerate(value if several else [value]):
                if isinstance(node, ast.AST):
                    for variant in variants(node):
                        yield parent, field, index if several else None, variant


def mutant(path, number):
    """Apply a mutation; return the syntax tree, and a line that describes it."""
    tree = ast.parse(path.read_text())
    parent, field, index, variant = list(places(tree))[number]
    value = getattr(parent, field)
    node = value if index is None else value[index]
    line = f"{path}:{node.lineno}: {_text(node)}  ->  {_text(variant)}"
    if index is None:
        setattr(parent, field, variant)
    else:
        value[index] = variant
    return ast.fix_missing_locations(tree), line


def _text(node):
    return " ".join(ast.unparse(node).split())[:60]


class Importer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import hook that loads a mutated module in place of the original."""

    def __init__(self, path, tree):
        self.name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        self.path, self.tree = path.resolve(), tree

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def exec_module(self, module):
        exec(compile(self.tree, self.path, "exec"), module.__dict__)


def survives(path, tree, batches):
    """True if all tests pass in a process with the mutated module."""
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
        if tree is not None:
            sys.meta_path.insert(0, Importer(path, tree))
        code = 1
        try:
            with open(os.devnull, "w") as null, redirect_stdout(null):
                code = int(any(pytest_fails(batch) for batch in batches))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def pytest_fails(tests):
    """Run test files up to the first failure."""
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", *map(str, tests)]) != 0


def in_order(tests, path):
    """Group test files: those of the module, those that import it, and the others."""
    module = ".".join(path.with_suffix("").parts[-2:])
    own = [t for t in tests if path.stem in t.stem]
    users = [t for t in tests if module in t.read_text() and t not in own]
    others = [t for t in tests if t not in own and t not in users]
    return [batch for batch in (own, users, others) if batch]


def main():
    """Print survivors as they appear, and the score of every file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--tests", nargs="+", type=Path,
        default=[Path("tests/core"), Path("tests/solvers"), Path("tests/training")],
    )  # fmt: skip
    args = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    files = [f for s in args.sources for f in ([s] if s.is_file() else s.rglob("*.py"))]
    files = sorted(f for f in files if not any(c in str(f) for c in COMPILED))
    tests = [
        f
        for t in args.tests
        for f in ([t] if t.is_file() else sorted(t.rglob("test_*.py")))
        if "compiled" not in str(f)
    ]
    everything = [
        (path, i)
        for path in files
        for i in range(len(list(places(ast.parse(path.read_text())))))
    ]
    chosen = random.Random(args.seed).sample(
        everything, min(args.sample, len(everything))
    )
    if not survives(None, None, [tests]):
        sys.exit("The tests fail without a change.")
    print(f"{len(chosen)} of {len(everything)} mutants", flush=True)
    total, survived, started = Counter(), Counter(), time.monotonic()

    def try_one(place):
        path, number = place
        tree, line = mutant(path, number)
        total[path] += 1
        if survives(path, tree, in_order(tests, path)):
            survived[path] += 1
            print(f"{total.total():4d} {line}", flush=True)

    with ThreadPoolExecutor(args.workers) as pool:
        list(pool.map(try_one, chosen))
    for path in files:
        print(f"{path}: {total[path] - survived[path]} of {total[path]} killed")
    n, killed = total.total(), total.total() - survived.total()
    minutes = (time.monotonic() - started) / 60
    print(f"{killed} of {n} killed ({killed / n:.1%}) in {minutes:.0f} min")


if __name__ == "__main__":
    main()
