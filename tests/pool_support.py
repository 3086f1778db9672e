"""What the tests of the worker pool share: jobs that are small scripts."""

import sys
import textwrap

from reproduce import pool


def job(folder, name, code):
    """A job of a script, with its log below the folder."""
    words = (sys.executable, "-c", textwrap.dedent(code))
    return pool.Job(name, words, folder / "logs" / f"{name}.log")


# A worker that takes a while to save, in its file, the signal that it was sent.
SAVES = """
    import os, pathlib, signal, sys, time
    def save(number, _):
        for other in (1, 2, 15):
            signal.signal(other, signal.SIG_IGN)
        {meanwhile}
        time.sleep(.5)
        pathlib.Path(r'{folder}/saved{name}').write_text(str(int(number)))
        sys.exit(128 + number)
    for number in (1, 2, 15):
        signal.signal(number, save)
    print('ready', flush=True)
    while True:
        time.sleep(.02)
        {always}
"""
# A worker that notes signals and goes on.
STUBBORN = """
    import os, pathlib, signal, time
    here = pathlib.Path(r'{folder}')
    (here / 'process').write_text(str(os.getpid()))
    def note(number, _):
        (here / f'asked{{int(number)}}').touch()
        print('no', flush=True)
    for number in (1, 2, 15):
        signal.signal(number, note)
    print('ready', flush=True)
    while True:
        time.sleep(.02)
"""


def saving(folder, name="0", meanwhile="pass", always="pass"):
    """A job of `SAVES`; `meanwhile` is done in the saving, `always` before it."""
    code = SAVES.format(folder=folder, name=name, meanwhile=meanwhile, always=always)
    return job(folder, name, code)


def stubborn(folder):
    """A job of `STUBBORN`."""
    return job(folder, "a", STUBBORN.format(folder=folder))


def saved(folder):
    """By the name of a `saving` job, the number of the signal that it was sent."""
    return {
        path.name.removeprefix("saved"): int(path.read_text())
        for path in folder.glob("saved*")
    }
