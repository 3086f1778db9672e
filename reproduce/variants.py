"""Tables of variants: one experiment, run again with a few options changed.

A comparison declares its rows once; this module trains those that have no record,
reads the others and writes one page. A run with changed options is a variant of
its own: it never enters Table 1 or 2, and the row without a change is the tables'
own run. `reproduce.sensitivity` and `reproduce.ablations` declare comparisons.

All rows of a comparison are of one length. A longer run stands for a shorter one:
data order and noise follow from the epoch, so after N epochs it is the run of N
epochs, bit for bit, and its history has what that measured.
"""

import json
from typing import NamedTuple

from reproduce import (
    cells,
    files,
    gather,
    grid,
    grid_command,
    published,
    records,
    render,
    variant_pictures,
)
from reproduce.words import count_of

METRICS = ("nelbo", "se", "acc", "miou")


class Row(NamedTuple):
    """One row: what a reader sees of it, and what is changed from the preset."""

    labels: tuple  # texts, one for each of the comparison's first columns
    changes: tuple = ()  # pairs (option, value)


class Comparison(NamedTuple):
    """An experiment and its variants."""

    name: str
    title: str
    experiment: str
    columns: tuple  # titles of the columns that tell the rows apart
    rows: tuple

    def runs(self, seed):
        """The rows' runs with a seed, list of `grid.Run`."""
        return [grid.Run(self.experiment, seed, row.changes) for row in self.rows]


class Page(NamedTuple):
    """What a command says about its comparisons."""

    name: str  # of the files, and of the command: reproduce/<name>.sh
    title: str
    introduction: str
    selector: str  # the flag that selects comparisons
    pictures: bool = False  # whether every comparison is drawn as well


def body(values, page, comparisons):
    """Runs a command on comparisons; returns the exit code.

    Args:
      values: the flags of `grid_command.define`.
      page: the command's `Page`.
      comparisons: list of `Comparison`, those asked for.
    """
    protocol = grid_command.protocol_from(values)
    runs = [run for s in values.seeds for c in comparisons for run in c.runs(s)]
    if grid_command.listed_or_run(values, runs, protocol):
        return 0
    failures = []
    if values.train or protocol.retrain:
        wanted = [r for r in runs if protocol.retrain or not _ended(r, protocol)]
        failures = grid_command.train(values, protocol, wanted) if wanted else []
    files.require_folder(protocol.results, "--results")
    epochs = protocol.epochs if values["epochs"].present else None
    found = {c: collect(c, values.seeds, protocol, epochs) for c in comparisons}
    part = grid_command.selects(values, (page.selector, "seeds", "epochs"))
    folder = files.OUTPUTS if part and not protocol.smoke else protocol.results
    file = folder / protocol.named(page.name)
    command = grid_command.call_of(values, page.name)
    text = markdown(page, found, protocol, command)
    files.write_atomically(f"{file}.md", text)
    content = json.dumps(to_json(found), indent=1, ensure_ascii=False)
    files.write_atomically(f"{file}.json", content + "\n")
    print(text)
    print(f"written: {files.shown(file)}.md and .json")
    if page.pictures:
        for comparison, row_cells in found.items():
            picture = (
                folder / "figures" / protocol.named(f"{page.name}-{comparison.name}")
            )
            variant_pictures.draw(comparison, row_cells, protocol.results, picture)
    return grid_command.tell_failures(failures)


def collect(comparison, seeds, protocol, epochs=None):
    """The cell of each row, all of runs of one length.

    Args:
      comparison: a `Comparison`.
      seeds: the seeds that count.
      protocol: a `grid.Protocol`.
      epochs: of the runs; None for the length that fills most rows, the longest of
        several.

    Returns:
      A list of `cells.Cell`, one a row, empty ones included.

    Raises:
      RecordError: if a record among them is damaged.
    """
    found = [_records(run, seeds, protocol) for run in comparison.runs(seeds[0])]
    if epochs is None:
        lengths = {record["epochs"] for rs in found for record in rs.values()}
        filled = {n: sum(bool(_of_length(rs, n)) for rs in found) for n in lengths}
        epochs = max(lengths, key=lambda n: (filled[n], n), default=None)
    collected = []
    for row_records in found:
        chosen = _of_length(row_records, epochs)
        by_status = {
            status: tuple(r for r in chosen if r["status"] == status)
            for status in (records.COMPLETE, records.FAILED)
        }
        collected.append(
            cells.Cell(
                comparison.experiment,
                protocol.preset,
                epochs if chosen else None,
                complete=by_status[records.COMPLETE],
                failed=by_status[records.FAILED],
                smoke=protocol.smoke,
            )
        )
    return collected


def markdown(page, found, protocol, command):
    """The comparisons as a Markdown page.

    Args:
      page: a `Page`.
      found: from each `Comparison` to its rows' cells, see `collect`.
      protocol: the `grid.Protocol`.
      command: the one that writes it.
    """
    lines = [f"# {page.title}", ""]
    lines.append(
        f"{page.introduction} nELBO and SE: lower is better; ACC and mIoU: higher is "
        "better. Mean ± standard deviation over seeds (ddof 1) where there are "
        f"several. Written by `{command}`; `--train` trains what is missing."
    )
    for comparison, row_cells in found.items():
        own = published.METRICS[comparison.experiment.split("/")[0]]
        metrics = [metric for metric in METRICS if metric in own]
        head = [*comparison.columns, *(published.TITLES[m] for m in metrics)]
        head += ["epochs", "runs (seeds)"]
        lines += ["", f"## {comparison.title}", "", render.table_line(head)]
        lines.append(render.table_line(["---:"] * len(head)))
        for row, cell in zip(comparison.rows, row_cells, strict=True):
            mark = "" if row.changes else "**"
            words = [f"{mark}{label}{mark}" for label in row.labels]
            words += [render.value(cell, metric) for metric in metrics]
            lines.append(render.table_line(words + render.protocol(cell)))
        lines += ["", *(f"{note}  " for note in _notes(row_cells))]
        if page.pictures and any(cell.complete for cell in row_cells):
            text = f"{comparison.title}: the first test scenes"
            file = f"figures/{picture_name(page, comparison, protocol)}.png"
            lines += ["", f"![{text}]({file})"]
    return "\n".join(lines).rstrip() + "\n"


def picture_name(page, comparison, protocol):
    """Name of a comparison's picture, without suffix."""
    return protocol.named(f"{page.name}-{comparison.name}")


def to_json(found):
    """The comparisons as plain JSON values: a list of rows for each name."""
    return {
        comparison.name: [
            {
                "experiment": cell.experiment,
                "labels": dict(zip(comparison.columns, row.labels, strict=True)),
                "changes": dict(row.changes),
                "epochs": cell.epochs,
                "seeds": list(cell.seeds),
                "failed_seeds": list(cell.failed_seeds),
                "metrics": {metric: cell.summary(metric) for metric in METRICS}
                if cell.complete
                else None,
            }
            for row, cell in zip(comparison.rows, row_cells, strict=True)
        ]
        for comparison, row_cells in found.items()
    }


def _records(run, seeds, protocol):
    """A row's records with one of the seeds, of any length, by folder."""
    variant = grid.configuration(run, protocol).variant
    found = records.find(protocol.results, run.experiment, variant)
    return {
        folder: record
        for folder, record in found.items()
        if record["seed"] in seeds and record["smoke"] == protocol.smoke
    }


def _of_length(found, epochs):
    """One record a seed of a run of so many epochs, cut from a longer one if need be.

    Args:
      found: records by folder.
      epochs: N, or None if there are no records.

    Returns:
      A list sorted by seed. A record that was cut has the metrics `METRICS` alone,
      and in "cut_from" how long the run was.
    """
    by_seed = {}
    for folder, record in sorted(found.items(), key=lambda item: item[1]["epochs"]):
        if record["epochs"] == epochs:
            by_seed[record["seed"]] = record
        elif record["epochs"] > epochs and record["seed"] not in by_seed:
            if cut := _cut(folder, record, epochs):
                by_seed[record["seed"]] = cut
    return [by_seed[seed] for seed in sorted(by_seed)]


def _cut(folder, record, epochs):
    """The record after fewer epochs; None where that epoch would not be reported."""
    reported = records.configuration_of(record).reported_epoch
    rows = records.read_history(folder)[:epochs]
    if reported != "last" or len(rows) < epochs:
        return None
    metrics = {name: rows[-1].get(f"test_{name}") for name in METRICS}
    return {
        **record,
        "status": records.COMPLETE,
        "epochs": epochs,
        "cut_from": record["epochs"],
        "metrics": metrics,
    }


def _ended(run, protocol):
    """Whether a run, or a longer one that stands for it, has its record."""
    return bool(_of_length(_records(run, (run.seed,), protocol), protocol.epochs))


def _notes(row_cells):
    """What falls short in a comparison."""
    shown = [record for cell in row_cells for record in cell.complete]
    notes = [gather.shortness(shown)] if shown else []
    if missing := sum(not (cell.complete or cell.failed) for cell in row_cells):
        notes.append(f"{count_of(missing, 'row')} missing: no run yet.")
    if cut := {record["cut_from"] for record in shown if "cut_from" in record}:
        longer = ", ".join(str(epochs) for epochs in sorted(cut))
        notes.append(f"Runs of {longer} epochs are shown as they were after fewer.")
    return [note for note in notes if note]
