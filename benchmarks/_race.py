"""Side-by-side timing: contestants take turns, so that what slows one slows all.

Everyone computes in this process with one thread, so that the time is that of the
processor: on a machine with other work to do, the clock on the wall also counts theirs.
"""

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from statistics import median
from time import process_time
from warnings import catch_warnings, simplefilter

from threadpoolctl import threadpool_limits


def race(calls, repeats):
    """Processor seconds of every call in every turn but a first one, by name."""
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
    """Microseconds for one of the units, which are a number or numbers by name."""
    counts = units if isinstance(units, dict) else dict.fromkeys(times, units)
    return {
        name: [1e6 * value / counts[name] for value in values]
        for name, values in times.items()
    }


def ratio(times, above, below):
    """Median over the turns of one contestant's time over another's."""
    pairs = zip(times[above], times[below], strict=True)
    return median(a / b for a, b in pairs)


def judged(value, *, at_least=None, at_most=None):
    """A number, with its mark and whether it is met where there is one."""
    shown = f"{value:.3g}" if value < 100 else f"{value:.0f}"
    if at_least is not None:
        return f"{shown} (>= {at_least:g}: {_word(value >= at_least)})"
    if at_most is not None:
        return f"{shown} (<= {at_most:g}: {_word(value <= at_most)})"
    return shown


def _word(is_met):
    return "met" if is_met else "missed"


def middle_and_best(values, digits=2):
    """Two cells: the median and the minimum."""
    return [f"{median(values):.{digits}f}", f"{min(values):.{digits}f}"]


def table(columns, rows):
    """Print a table in markdown."""
    print(f"\n| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def is_there(package):
    """Whether it can be imported; peers that are not installed are left out."""
    return find_spec(package) is not None


def header(title, *packages):
    """Print what is measured, with which versions and where, and who is left out."""
    print(f"{title}")
    parts = [f"Python {platform.python_version()}"]
    parts += [f"{name} {version(name)}" for name in packages if _is_known(name)]
    print(f"{', '.join(parts)}, {platform.machine()}, one thread")
    if missing := [name for name in packages if not _is_known(name)]:
        print(f"Not installed, and so left out: {', '.join(missing)}.")


def _is_known(package):
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
