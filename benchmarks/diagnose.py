"""Answers of ``inspection.diagnose`` to planted faults and to healthy fits.

Each fault of :mod:`benchmarks._faults` is planted into each of six tables with each
seed.  The answer is right if the cause of the first finding is that of the fault.  The
healthy fits are those with default parameters on the accuracy suite; tasks whose
packages are not installed are left out.  Seconds are those of a diagnosis, with all of
its refits.
"""

import argparse
from collections import Counter
from itertools import product
from time import perf_counter
from typing import NamedTuple
from warnings import catch_warnings, simplefilter
from zlib import crc32

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from benchmarks._faults import FAULTS, TABLES, estimator_for, table
from benchmarks._tasks import all_sources
from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import diagnose

N_SEEDS = 2


class Answer(NamedTuple):
    """First cause that was named, "" for none, and the seconds of the diagnosis."""

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
    X, y = planted.X, planted.y
    with threadpool_limits(1):
        model = _fitted(estimator_for(one, seed, **planted.settings), X, y)
        start = perf_counter()
        findings = diagnose(model, X, y).findings
    seconds = perf_counter() - start
    cause = findings[0].cause if findings else ""
    return Answer(cause, cause in fault.causes, seconds)


def _fitted(model, X, y):
    with catch_warnings():
        simplefilter("ignore")
        return model.fit(X, y)


def healthy_tasks():
    """Tasks of the accuracy suite whose packages are installed."""
    for source in all_sources():
        try:
            named = source()
        except ImportError:
            continue
        for name, (X, y) in named.items():
            yield name, X, np.asarray(y)


def report_faults(n_seeds, n_jobs):
    """Print a row for each fault, and the share of right answers."""
    print("| planted fault | right cause first | other causes | seconds |")
    print("|---|---|---|---|")
    all_answers = []
    cases = list(product(FAULTS, TABLES, range(n_seeds)))
    run = Parallel(n_jobs=n_jobs, return_as="generator")
    results = run(delayed(answer)(*case) for case in cases)
    for name in FAULTS:
        answers = [next(results) for case in cases if case[0] == name]
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
    total = len(all_answers)
    print(
        f"\nThe right cause comes first in {n_right} of {total} cases, {share:.1f} %.\n"
    )


def report_healthy(n_jobs):
    """Print what is found about healthy fits."""
    tasks = list(healthy_tasks())
    found = Parallel(n_jobs=n_jobs)(delayed(findings_of)(X, y) for _, X, y in tasks)
    n_silent = sum(not findings for findings in found)
    print(f"Of {len(tasks)} healthy fits, {n_silent} have no finding.")
    for (name, _, _), findings in zip(tasks, found, strict=True):
        for finding in findings:
            print(f"- {name}: {finding}")


def findings_of(X, y):
    """Findings about a fit with default parameters, as sentences."""
    kind = EffPropRegressor if y.dtype.kind == "f" else EffPropClassifier
    with threadpool_limits(1):
        findings = diagnose(_fitted(kind(random_state=0), X, y), X, y).findings
    return [str(finding) for finding in findings]


def main(arguments=()):
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks diagnose", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    report_faults(options.seeds, options.jobs)
    report_healthy(options.jobs)
