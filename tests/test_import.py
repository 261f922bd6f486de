"""What ``import sk_effprop`` makes available."""

import subprocess
import sys

import pytest

import sk_effprop

PACKAGES = ["distributed", "export", "inspection", "model_selection", "out_of_core"]


def run_python(program):
    """Output of a program in a new process."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_package_is_imported_when_it_is_first_used():
    """Without an import of its own, and not before."""
    program = (
        "import sys, sk_effprop\n"
        f"for name in {PACKAGES}:\n"
        "    print(f'sk_effprop.{name}' in sys.modules)\n"
        f"for name in {PACKAGES}:\n"
        "    print(getattr(sk_effprop, name).__all__ != [])"
    )
    n = len(PACKAGES)
    assert run_python(program).split() == ["False"] * n + ["True"] * n


def test_completion_knows_the_packages():
    assert {*PACKAGES, *sk_effprop.__all__} <= set(dir(sk_effprop))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'sk_effprop' has no attribute 'nothing'"):
        sk_effprop.nothing  # noqa: B018


def test_extras_are_not_imported():
    program = (
        "import sys, sk_effprop, sk_effprop.distributed, sk_effprop.out_of_core\n"
        "extras = {'numba', 'matplotlib', 'dask', 'distributed'}\n"
        "print(extras & {*sys.modules})"
    )
    assert run_python(program).strip() == "set()"
