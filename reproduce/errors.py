"""The error types of the project: bad input, and numbers that are not finite."""


class UsageError(Exception):
    """Bad input: one line naming the flag or file, the fault and what is allowed.

    Commands print the line on standard error and exit with code 2.
    """


class NonFiniteError(Exception):
    """A loss term or a gradient became infinite or not a number; ends a run."""
