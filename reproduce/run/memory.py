"""Makes the GNU C library keep memory between training steps; others are unaffected.

Otherwise every step may get its large buffers from the system again, whose pages are
zeroed at first touch. Where page faults are expensive, as on some virtual machines,
that took a third of the time (benchmarks/README.md).
"""

import ctypes

KEPT = 1 << 30  # bytes

# Parameters of mallopt, as malloc.h numbers them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8


def keep_buffers(up_to=KEPT):
    """Takes buffers of up to `up_to` bytes from memory that the process keeps."""
    _call("mallopt", _ARENA_MAX, 1)  # other arenas have no room for such buffers
    _call("mallopt", _MMAP_THRESHOLD, up_to)
    _call("mallopt", _TRIM_THRESHOLD, up_to)


def return_freed():
    """Returns free memory to the system.

    Compiling a step frees about 600 MB, which a process would otherwise keep although
    it never needs that much again.
    """
    _call("malloc_trim", 0)


def _call(name, *arguments):
    try:
        getattr(ctypes.CDLL(None), name)(*arguments)
    except (OSError, AttributeError, TypeError):  # not the GNU C library
        pass
