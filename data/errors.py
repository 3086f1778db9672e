"""The one error that users of the data package see."""


class DataError(Exception):
    """Data that cannot be had or made as asked.

    The message is one line: it names the file or option, what was wrong with it and
    what is allowed. Commands print it as it is and stop with exit code 2.
    """
