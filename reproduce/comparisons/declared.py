"""The comparisons that pages.toml declares."""

import pathlib
import tomllib
from typing import NamedTuple

from reproduce.errors import UsageError
from reproduce.experiments.configuration import preset_configuration
from reproduce.experiments.presets import PRESETS


class Row(NamedTuple):
    """One row: its labels, its experiment, and the options that it declares."""

    labels: tuple
    experiment: str
    options: dict

    def changes(self, preset):
        """The options that differ from the preset's, pairs; None if it reads them not.

        Raises:
          UsageError: if not even the first preset, `paper`, reads them.
        """
        base = preset_configuration(self.experiment, preset)
        changes = {n: v for n, v in self.options.items() if v != getattr(base, n)}
        try:
            preset_configuration(self.experiment, preset, **changes)
        except UsageError:
            if preset == PRESETS[0]:
                raise
            return None
        return tuple(changes.items())


class Comparison(NamedTuple):
    """Rows that are read together; pages.toml says what the fields are."""

    title: str
    columns: tuple
    rows: tuple
    about: str = ""
    measured: tuple = ()
    picture: bool = False

    def of(self, preset):
        """The rows that a preset can run, each once, with their changes: pairs."""
        found = [(row, row.changes(preset)) for row in self.rows]
        seen = {}
        for row, changes in found:
            if changes is not None:
                seen.setdefault((row.experiment, changes), (row, changes))
        return list(seen.values())


class Page(NamedTuple):
    """What one command shows: its comparisons by name."""

    title: str
    about: str
    epochs: int
    comparisons: dict


def pages():
    """All `Page`s by name."""
    text = (pathlib.Path(__file__).parent / "pages.toml").read_text("utf-8")
    return {name: _page(content) for name, content in tomllib.loads(text).items()}


def _page(content):
    own = {name: content.pop(name) for name in ("title", "about", "epochs")}
    return Page(**own, comparisons={n: _comparison(c) for n, c in content.items()})


def _comparison(content):
    rows = [
        Row(tuple(labels), experiment, {n: _value(v) for n, v in options.items()})
        for labels, experiment, options in content.pop("rows")
    ]
    return Comparison(rows=tuple(rows), **content)


def _value(value):
    return None if value == "none" else value
