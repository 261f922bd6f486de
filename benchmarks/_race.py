"""Time several contestants side by side.

The contestants take turns, so that a slow phase of the machine affects all of them.
They run in this process with one thread, and the processor time is measured: unlike
wall time, it does not include the work of other processes.
"""

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from statistics import median
from time import process_time
from warnings import catch_warnings, simplefilter

from threadpoolctl import threadpool_limits


def race(calls, repeats):
    """Processor seconds of each call, one per turn, by name.

    A first turn, in which code is compiled and imported, is not measured.
    """
    times = {name: [] for name in calls}
    with threadpool_limits(1), catch_warnings():
        simplefilter("ignore")
        for call in calls.values():
            call()
        for _ in range(repeats):
            for name, call in calls.items():
                start = process_time()
                call()
                times[name].append(process_time() - start)
    return times


def per_unit(times, units):
    """Microseconds per unit.

    ``units`` is the number of units in a call, or a dict of such numbers by name.
    """
    counts = units if isinstance(units, dict) else dict.fromkeys(times, units)
    return {
        name: [1e6 * value / counts[name] for value in values]
        for name, values in times.items()
    }


def ratio(times, above, below):
    """Median over the turns of the time of ``above`` divided by that of ``below``."""
    pairs = zip(times[above], times[below], strict=True)
    return median(a / b for a, b in pairs)


def judged(value, *, at_least=None, at_most=None):
    """Format a number and, if a target is given, whether it is met."""
    shown = f"{value:.3g}" if value < 100 else f"{value:.0f}"
    if at_least is not None:
        return f"{shown} (>= {at_least:g}: {_word(value >= at_least)})"
    if at_most is not None:
        return f"{shown} (<= {at_most:g}: {_word(value <= at_most)})"
    return shown


def _word(is_met):
    return "met" if is_met else "missed"


def middle_and_best(values, digits=2):
    """Two table cells: the median and the minimum."""
    return [f"{median(values):.{digits}f}", f"{min(values):.{digits}f}"]


def table(columns, rows):
    """Print a Markdown table."""
    print(f"\n| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def is_there(package):
    """Return whether a package can be imported."""
    return find_spec(package) is not None


def header(title, *packages):
    """Print the title, the versions of the packages, and which are not installed."""
    print(f"{title}")
    parts = [f"Python {platform.python_version()}"]
    parts += [f"{name} {version(name)}" for name in packages if _is_known(name)]
    print(f"{', '.join(parts)}, {platform.machine()}, one thread")
    if missing := [name for name in packages if not _is_known(name)]:
        print(f"Not installed, therefore left out: {', '.join(missing)}.")


def _is_known(package):
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
