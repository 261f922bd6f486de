"""Errors that the command line shows as sentences."""


class Refusal(Exception):
    """Error that is shown as a sentence instead of a traceback."""
