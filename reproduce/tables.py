"""A table of results: its JSON for programs, its Markdown for readers.

Every row is one cell of the paper's table, with our mean and standard deviation
(ddof 1) beside the published ones. Missing ones are included, but for the pages of
presets other than `paper`.
"""

import json

from reproduce import files, published, render


def results(cells, judged):
    """What `results/<table>.json` holds.

    Args:
      cells: list of `cells.Cell` in the paper's order.
      judged: the claims to tell, a list of `judging.Claim`.

    Returns:
      A dict {"rows": [...], "claims": [...]} of plain JSON values. A row has
      the cell's "dataset", "method", "setting", "preset", "epochs", "seeds",
      "failed_seeds", "digits" and "smoke"; "metrics", null without a complete
      run, or by name {"mean", "std" (null for one run), "runs" (in the order of
      "seeds")}; and "published" by name [mean, std].
    """
    return {
        "rows": [row(cell) for cell in cells],
        "claims": [claim.to_json() for claim in judged],
    }


def row(cell):
    """One row of `results`."""
    return {
        "dataset": cell.dataset,
        "method": cell.method,
        "setting": cell.setting,
        "preset": cell.preset,
        "epochs": cell.epochs,
        "seeds": list(cell.seeds),
        "failed_seeds": list(cell.failed_seeds),
        "digits": cell.digits if cell.complete or cell.failed else None,
        "smoke": cell.smoke,
        "metrics": _metrics(cell) if cell.complete else None,
        "published": {
            metric: list(pair)
            for metric, pair in published.published(cell.experiment).items()
        },
    }


def write(file, table, cells, judged, command):
    """Writes `<file>.json` and `<file>.md`, each whole or not at all.

    Args:
      file: the path without its suffix.
      table: "table1" or "table2".
      cells, judged: as of `results`.
      command: the command that completes the table, for the legend.

    Raises:
      OSError: naming the file that could not be written.
    """
    content = results(cells, judged)
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    files.write_atomically(f"{file}.json", text + "\n")
    page = render.markdown(table, cells, judged, command)
    files.write_atomically(f"{file}.md", page)


def _metrics(cell):
    names = list(published.METRICS[cell.table])
    if cell.table == "table1":
        names.append("nelbo_without_kl_presence")  # the second judgement of claim 1
    return {
        name: cell.summary(name)
        for name in names
        if len(cell.values(name)) == len(cell.complete)
    }
