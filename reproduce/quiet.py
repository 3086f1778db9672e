"""Keeps TensorFlow's start-up notices off the user's screen."""

import contextlib
import os
import sys
import tempfile

STANDARD_ERROR = 2  # the file descriptor that C++ code writes to


@contextlib.contextmanager
def standard_error():
    """Holds back what is written to standard error; an error lets it out again.

    While it is imported and while it first uses a device and XLA, TensorFlow
    writes lines about processors, drivers and services, from C++ and before its
    own log level `TF_CPP_MIN_LOG_LEVEL` has any effect. So not `sys.stderr` but
    the file descriptor below it is turned aside, to a file without a name.

    If the block ends by an exception the lines are written after all: they may
    hold the reason. On an interrupt they are not. A process that is killed, or
    that ends itself inside C++ code, takes them along; so the block should hold
    the start-up only. Where there is no standard error nothing is done.

        with quiet.standard_error():
            import tensorflow as tf
    """
    try:
        kept = os.dup(STANDARD_ERROR)
    except OSError:  # closed by the caller, as daemons do
        yield
        return
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, kept)
        aside = stack.enter_context(tempfile.TemporaryFile())
        _flush()
        os.dup2(aside.fileno(), STANDARD_ERROR)
        try:
            yield
        except Exception:
            _put_back(kept)
            aside.seek(0)
            _write(aside.read())
            raise
        finally:
            _put_back(kept)


def _put_back(kept):
    _flush()
    os.dup2(kept, STANDARD_ERROR)


def _flush():
    with contextlib.suppress(AttributeError, ValueError, OSError):  # none, or closed
        sys.stderr.flush()


def _write(content):
    with contextlib.suppress(OSError):
        while content:
            content = content[os.write(STANDARD_ERROR, content) :]
