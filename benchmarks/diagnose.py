"""Planted faults, and healthy fits, as ``inspection.diagnose`` sees them.

Each fault of :mod:`benchmarks._faults` is planted into each of eight tables with each
seed.  The answer is right if the cause of the first finding is that of the fault.  The
healthy fits are those with default parameters on the accuracy suite; tasks whose
packages are not installed are left out.  Seconds are those of a diagnosis, with all of
its refits.
"""

import argparse
from collections import Counter
from time import perf_counter
from typing import NamedTuple
from warnings import catch_warnings, simplefilter
from zlib import crc32

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import _tasks
from benchmarks._faults import FAULTS, TABLES, estimator_for, table
from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import diagnose

N_SEEDS = 2


class Answer(NamedTuple):
    """First cause that was named, "" for none, and the seconds that it took."""

    cause: str
    is_right: bool
    seconds: float


def answer(fault_name, table_name, seed):
    """Plant a fault and diagnose it; None if it does not suit the table."""
    fault, one = FAULTS[fault_name], table(table_name)
    rng = np.random.default_rng([seed, crc32(fault_name.encode())])
    planted = fault.plant(one, rng)
    if planted is None:
        return None
    model = _fitted(estimator_for(one, seed, **planted.settings), planted.X, planted.y)
    start = perf_counter()
    findings = diagnose(model, planted.X, planted.y).findings
    seconds = perf_counter() - start
    cause = findings[0].cause if findings else ""
    return Answer(cause, cause in fault.causes, seconds)


def _fitted(model, X, y):
    with catch_warnings():
        simplefilter("ignore")
        return model.fit(X, y)


def healthy_tasks():
    """Tasks of the accuracy suite whose packages are installed."""
    for group in _tasks._GROUPS.values():
        for source in group:
            try:
                named = source()
            except ImportError:
                continue
            for name, (X, y) in named.items():
                yield name, X, np.asarray(y)


def report_faults(n_seeds):
    """Print a row for each fault, and the share of right answers."""
    print("| planted fault | right cause first | other causes | seconds |")
    print("|---|---|---|---|")
    all_answers = []
    for name in FAULTS:
        answers = [answer(name, t, seed) for t in TABLES for seed in range(n_seeds)]
        answers = [one for one in answers if one is not None]
        wrong = Counter(one.cause or "none" for one in answers if not one.is_right)
        others = ", ".join(f"{cause} ({n})" for cause, n in wrong.items())
        n_right = sum(one.is_right for one in answers)
        seconds = np.mean([one.seconds for one in answers])
        row = f"| {name} | {n_right} of {len(answers)} | {others} | {seconds:.1f} |"
        print(row, flush=True)
        all_answers += answers
    n_right = sum(one.is_right for one in all_answers)
    share = 100.0 * n_right / len(all_answers)
    print(f"\nThe right cause comes first in {n_right} of {len(all_answers)} cases, ")
    print(f"{share:.1f} %.\n")


def report_healthy():
    """Print what is found about healthy fits."""
    n_silent = n_tasks = 0
    lines = []
    for name, X, y in healthy_tasks():
        kind = EffPropRegressor if y.dtype.kind == "f" else EffPropClassifier
        findings = diagnose(_fitted(kind(random_state=0), X, y), X, y).findings
        n_tasks += 1
        n_silent += not findings
        lines += [f"- {name}: {finding}" for finding in findings]
    print(f"Of {n_tasks} healthy fits, {n_silent} have no finding.")
    if lines:
        print("The others:\n\n" + "\n".join(lines))


def main():
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    options, _ = parser.parse_known_args()
    with threadpool_limits(1):
        report_faults(options.seeds)
        report_healthy()


if __name__ == "__main__":
    main()
