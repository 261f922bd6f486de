"""Run a benchmark by name: ``python -m benchmarks online``.

What is no benchmark of speed but a trial of reliability takes options:
``python -m benchmarks kills --kills 200``.
"""

import sys
from importlib import import_module

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
    """Run the benchmarks named on the command line, or one trial."""
    names = sys.argv[1:]
    if names and names[0] in TRIALS:
        return import_module(f"benchmarks.{names[0]}").main(names[1:])
    if not names or not set(names) <= {*NAMES, "all"}:
        print(f"usage: python -m benchmarks {{{','.join([*NAMES, *TRIALS])},all}}")
        return 2
    for name in NAMES if "all" in names else names:
        import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
