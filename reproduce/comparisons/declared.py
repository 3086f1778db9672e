"""The comparisons that pages.toml declares; it says what the fields are."""

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
    """Rows that are read together."""

    title: str
    columns: tuple
    rows: tuple
    about: str = ""
    measured: tuple = ()
    picture: bool = False

    def of(self, preset):
        """The rows that a preset can run, each once, with their changes: pairs."""
        found = {}
        for row in self.rows:
            if (changes := row.changes(preset)) is not None:
                found.setdefault((row.experiment, changes), (row, changes))
        return list(found.values())


class Page(NamedTuple):
    """What one command shows: its comparisons by name."""

    title: str
    about: str
    epochs: int
    comparisons: dict


def pages():
    """All `Page`s by name."""
    text = (pathlib.Path(__file__).parent / "pages.toml").read_text("utf-8")
    found = {}
    for name, content in tomllib.loads(text).items():
        own = [content.pop(field) for field in ("title", "about", "epochs")]
        found[name] = Page(*own, {n: _comparison(c) for n, c in content.items()})
    return found


def _comparison(content):
    rows = []
    for labels, experiment, options in content.pop("rows"):
        options = {n: None if v == "none" else v for n, v in options.items()}
        rows.append(Row(tuple(labels), experiment, options))
    return Comparison(rows=tuple(rows), **content)
