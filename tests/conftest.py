"""Options for all tests."""

from tests.estimators import contract


def pytest_addoption(parser):
    """Add an option for the long list of common checks."""
    parser.addoption(
        "--all-settings",
        action="store_true",
        help="scikit-learn's checks for every value of every parameter (takes an hour)",
    )


def pytest_configure(config):
    """Choose the settings before the tests that use them are collected."""
    contract.every_setting = config.getoption("--all-settings")


def pytest_terminal_summary(terminalreporter):
    """Say how many of the common checks passed."""
    passed = terminalreporter.stats.get("passed", [])
    checks = [report for report in passed if "test_common_checks[" in report.nodeid]
    if checks:
        terminalreporter.section("scikit-learn's common checks")
        for line in contract.summary(checks):
            terminalreporter.line(line)
