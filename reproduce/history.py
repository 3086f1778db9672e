"""The text of history.csv: a header, then one row of numbers an epoch."""

import csv
import io


def format(rows):
    """The bytes of a history; `parse` gives back exactly the same numbers.

    Args:
      rows: list of dicts with equal keys; values are numbers, or None for an
        empty cell.
    """
    stream = io.StringIO()
    names = list(rows[0]) if rows else ["epoch"]
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return stream.getvalue().encode()


def parse(content):
    """The rows of a history's bytes: dicts of floats, None for an empty cell.

    Raises:
      ValueError: if it is empty, cut short or not a table of numbers.
    """
    try:
        table = list(csv.reader(io.StringIO(content.decode())))
        names, lines = table[0], table[1:]
        if not content.endswith(b"\n"):
            raise ValueError
        return [
            {name: float(cell) if cell else None for name, cell in pairs}
            for pairs in [list(zip(names, line, strict=True)) for line in lines]
        ]
    except (ValueError, IndexError, csv.Error):
        raise ValueError("history.csv is empty, cut short or not a table") from None


def _cell(value):
    if value is None:
        return ""
    value = float(value)
    whole = value.is_integer() and abs(value) < 1e15
    return repr(int(value) if whole else value)
