"""Run benchmarks by name: ``python -m benchmarks online memory``.

Some take options, of which ``--help`` has a list:
``python -m benchmarks committees --write docs/benchmarks``.
"""

import sys
from importlib import import_module
from inspect import signature

NAMES = (
    "online",
    "minibatch",
    "small",
    "sizes",
    "memory",
    "learning_rate",
    "solvers",
    "curvature",
    "goal",
    "time_to_accuracy",
    "reliability",
    "accuracy",
    "small_tables",
    "mixed_tables",
    "ablation",
    "distributed",
    "out_of_core",
    "soak",
    "diagnose",
    "intervals",
    "committees",
    "second_order",
)
# not among "all"
TRIALS = ("kills", "interrupts", "concurrency", "properties")


def main() -> int:
    """Run the benchmarks named on the command line; one alone may have options."""
    arguments = sys.argv[1:]
    n_names = next(
        (i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments)
    )
    names, options = arguments[:n_names], arguments[n_names:]
    if len(names) == 1 and names[0] in (*NAMES, *TRIALS):
        return run(names[0], options)
    if not names or not set(names) <= {*NAMES, "all"} or options:
        print(f"usage: python -m benchmarks {{{','.join([*NAMES, *TRIALS])},all}}")
        return 2
    return max(run(name, []) for name in (NAMES if "all" in names else names))


def run(name: str, options: list[str]) -> int:
    """Run a benchmark; return the exit status, 2 if it does not take these options."""
    benchmark = import_module(f"benchmarks.{name}").main
    if signature(benchmark).parameters:
        return benchmark(options) or 0
    if options:
        print(f"{name} takes no options, got {' '.join(options)}")
        return 2
    return benchmark() or 0


if __name__ == "__main__":
    sys.exit(main())
