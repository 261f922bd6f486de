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
