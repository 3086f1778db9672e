"""The project's error types: bad input, and numbers that are not finite."""


class UsageError(Exception):
    """Bad input: one line naming the flag or file, the fault and what is allowed.

    Commands print this line on standard error and exit with code 2.
    """


class NonFiniteError(Exception):
    """A loss term or a gradient became infinite or NaN, which ends the run."""
