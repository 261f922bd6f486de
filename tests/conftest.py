"""Options for all tests."""

from tests.estimators import contract


def pytest_addoption(parser):
    """Add an option for shorter and longer lists of common checks."""
    parser.addoption(
        "--settings",
        choices=["single", "pairs", "all"],
        default="pairs",
        help="scikit-learn's checks for defaults and single values, also for settings "
        "in which all pairs of values meet, or for every value (takes an hour)",
    )


def pytest_configure(config):
    """Choose the settings before the tests that use them are collected."""
    contract.which_settings = config.getoption("--settings")


def pytest_terminal_summary(terminalreporter):
    """Say how many of the common checks passed."""
    passed = terminalreporter.stats.get("passed", [])
    checks = [report for report in passed if "test_common_checks[" in report.nodeid]
    if checks:
        terminalreporter.section("scikit-learn's common checks")
        for line in contract.summary(checks):
            terminalreporter.line(line)
