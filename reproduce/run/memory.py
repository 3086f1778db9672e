"""How the GNU C library keeps memory between training steps; others are left alone.

Otherwise large buffers of a step may come from the system anew, their pages filled with
zeros at first touch. Where page faults are dear, as on some virtual machines, that took
a third of the time (benchmarks/README.md).
"""

import ctypes

KEPT = 1 << 30  # bytes

# Parameters of mallopt, as malloc.h numbers them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8


def keep_buffers(up_to=KEPT):
    """Buffers of up to so many bytes come from memory that stays with the process."""
    _call("mallopt", _ARENA_MAX, 1)  # others have no room for such buffers
    _call("mallopt", _MMAP_THRESHOLD, up_to)
    _call("mallopt", _TRIM_THRESHOLD, up_to)


def return_freed():
    """Returns what is free now to the system.

    Compiling a step frees some 600 MB, which would stay with a process that never asks
    for so much again.
    """
    _call("malloc_trim", 0)


def _call(name, *arguments):
    try:
        getattr(ctypes.CDLL(None), name)(*arguments)
    except (OSError, AttributeError, TypeError):  # not the GNU C library
        pass
