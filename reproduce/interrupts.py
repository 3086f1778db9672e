"""What asks a command to end: Ctrl-C, SIGTERM and the end of the terminal.

`command_line.main` turns these signals into an exception while a command runs; long
loops look for one that was lost, and what saves a state keeps further ones away.
"""

import signal
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# One interrupt can come as several signals: when a terminal closes, SIGHUP is sent
# by the kernel and by the shell. Those that follow the first in less than so many
# seconds must not interrupt the saving that it began.
ONE_INTERRUPT_SECONDS = 1.0
_arrived = []  # pairs (signal, time), since the command began


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGHUP, raised in the main thread while a body runs.

    Attributes:
      signal_number: one of `SIGNALS`; the exit code is 128 plus it.
      note: what `command_line.main` prints after "interrupted: "; a body that has
        saved its state catches the exception, sets the note and raises it again.
    """

    def __init__(self, signal_number=signal.SIGINT, note=""):
        super().__init__(signal_number)
        self.signal_number = signal_number
        self.note = note

    @property
    def exit_code(self):
        return 128 + int(self.signal_number)


def raise_if_interrupted():
    """Raises `Interrupted` if a signal has arrived; long loops call it at each turn.

    An exception that a signal's handler raises is lost where Python or a library
    drops exceptions, in a `__del__` for example. This finds the signal again.
    """
    if _arrived:
        raise Interrupted(_arrived[0][0])


def caught_signals():
    """Those of `SIGNALS` that are to be caught: all, but under nohup not SIGHUP.

    There the end of the terminal is ignored already, and is to stay so.
    """
    return [
        number
        for number in SIGNALS
        if (number, signal.getsignal(number)) != (signal.SIGHUP, signal.SIG_IGN)
    ]


def ignore_signals():
    """Lets no further one of `SIGNALS` disturb the saving that one has begun."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def catch_signals():
    """Makes `caught_signals` raise `Interrupted`; returns what undoes it."""

    _arrived.clear()

    def handle(signal_number, _):
        now = time.monotonic()
        _arrived.append((signal_number, now))
        if len(_arrived) == 1 or now - _arrived[0][1] >= ONE_INTERRUPT_SECONDS:
            raise Interrupted(signal_number)

    try:
        before = {number: signal.signal(number, handle) for number in caught_signals()}
    except ValueError:  # not in the main thread: the signals go elsewhere
        return lambda: None
    return lambda: [signal.signal(*item) for item in before.items()]
