"""Learning curves: every metric over the epochs, from the runs' histories.

    python -m reproduce.curves

is what `bash reproduce/curves.sh` runs. One picture a setting: a line is the mean
over a method's seeds, its band the standard deviation (ddof 1); the nELBO of the
training images is dotted. At the right, in the same colours, stand the values that the
paper printed, with their deviations.
"""

import statistics
import sys

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from data.specification import DATASETS
from reproduce import (
    command_line,
    drawing,
    files,
    gather,
    grid,
    grid_command,
    published,
    records,
)
from reproduce.configuration import METHODS
from reproduce.errors import UsageError

DESCRIPTION = (
    "Draws each metric over the epochs, all methods of a setting in one picture, from "
    "run records. It trains only with --train, --retrain or --smoke."
)
HEIGHT = 4.6  # inches, of two rows
WIDTHS = (2.8, 2.0, 1.2)  # of the lines: of equal values, all colours show
PLACE = 0.03  # from one published value to the next, in lengths of the axis
MARGIN = 0.06  # above and below what an axis shows, in lengths of the axis
TRAINING = {"ls": ":", "lw": 0.9}
END = {"color": "0.7", "lw": 0.6}


def define(options):
    """The command's flags."""
    settings = sorted({s for names in grid.SETTINGS.values() for s in names})
    options.group("What to draw")
    options.choices("tables", grid.TABLES, "tables of the paper", grid.TABLES)
    options.choices(
        "settings", None, "one picture each (default: those of the tables)", settings
    )
    options.choices("methods", tuple(METHODS), "lines", tuple(METHODS))
    grid_command.define(options)


def body(values):
    """Runs the command; returns the exit code."""
    protocol = grid_command.protocol_from(values)
    experiments = _experiments(values)
    runs = grid.runs(experiments, grid_command.seeds_from(values))
    if grid_command.listed_or_run(values, runs, protocol):
        return 0
    found, failures = gather.gather(values, protocol, runs)
    train = f"{grid_command.call_of(values, 'curves')} --train"
    if not any(cell.complete for cell in found):
        raise UsageError(f"curves: no run has a record yet; made by: {train}")
    gather.name_missing(found, train)
    for table, setting in dict.fromkeys((c.table, c.setting) for c in found):
        cells = [c for c in found if (c.table, c.setting) == (table, setting)]
        if any(cell.complete for cell in cells):
            flags = ("seeds", "epochs", "methods")
            file = gather.picture_file(
                f"curves-{table}-{setting}", values, protocol, flags
            )
            drawing.save(draw(cells, protocol.results), file)
            print(f"written: {files.shown(file)}.png and .pdf")
    return grid_command.tell_failures(failures)


def _experiments(values):
    """The experiments of the tables and settings that were asked for."""
    wanted = values.settings
    known = [s for table in values.tables for s in grid.SETTINGS[table]]
    for setting in wanted or ():
        if setting not in known:
            raise UsageError(
                f"--settings: {setting!r} is not one of {', '.join(values.tables)}; "
                f"allowed: {', '.join(known)}"
            )
    return [
        experiment
        for table in values.tables
        for experiment in grid.table_experiments(
            table,
            values.methods,
            [s for s in grid.SETTINGS[table] if wanted is None or s in wanted],
        )
    ]


def curve(cell, metric, results):
    """A metric of the test images by epoch, over a cell's complete runs.

    Args:
      cell: a `cells.Cell`.
      metric: such as "nelbo".
      results: the folder that holds the runs.

    Returns:
      Two lists with an entry an epoch: means, and standard deviations (ddof 1; 0
      for one run).

    Raises:
      RecordError: if a history was damaged after its record was read.
    """
    columns = []
    for record in cell.complete:
        rows = records.history_of(results, record)
        columns.append([row[f"test_{metric}"] for row in rows])
    by_epoch = list(zip(*columns, strict=True))
    means = [statistics.fmean(values) for values in by_epoch]
    return means, [
        statistics.stdev(values) if len(values) > 1 else 0.0 for values in by_epoch
    ]


def training_curve(cell, results):
    """The training images' nELBO by epoch, means over a cell's complete runs.

    It is the mean over an epoch's steps, while the weights change. [] if one of the
    runs' histories does not have it.
    """
    histories = [records.history_of(results, record) for record in cell.complete]
    columns = [[row.get("train_nelbo") for row in rows] for rows in histories]
    if any(value is None for column in columns for value in column):
        return []
    return [statistics.fmean(values) for values in zip(*columns, strict=True)]


def draw(cells, results):
    """The picture of one setting.

    Args:
      cells: list of `cells.Cell`, one a method.
      results: the folder that holds the runs.

    Returns:
      A Matplotlib `Figure`.
    """
    with rc_context(drawing.STYLE):
        return _draw(cells, results)


def _draw(cells, results):
    metrics = published.METRICS[cells[0].table]
    rows = 2 if len(metrics) > 3 else 1
    columns = (len(metrics) + rows - 1) // rows
    height = HEIGHT if rows == 2 else HEIGHT * 0.62
    figure = Figure(figsize=(drawing.WIDTH, height), dpi=300, layout="constrained")
    figure.suptitle(_title(cells), size=9, weight="bold")
    shown = [record for cell in cells for record in cell.complete]
    short = gather.shortness(shown)
    axes = figure.subplots(rows, columns).flatten()
    for axis, metric in zip(axes, metrics, strict=True):
        _metric(axis, cells, metric, results)
    handles, labels = axes[0].get_legend_handles_labels()
    (training,) = axes[0].plot([], [], color="0.4", **TRAINING)
    printed = axes[0].errorbar([], [], [], color="0.4", fmt="D", ms=3, lw=0.8)
    (end,) = axes[0].plot([], [], **END)
    figure.legend(
        [*handles, training, printed, end],
        [
            *labels,
            "nELBO in training",
            f"published ({published.EPOCHS} epochs)",
            "end of these runs",
        ],
        loc="outside lower center",
        ncols=3,
        frameon=False,
        title=short,
        title_fontsize=8,
        alignment="center",
    )
    return figure


def _title(cells):
    cell = next(cell for cell in cells if cell.complete)
    digits = cell.complete[0]["digits"]
    if cell.table == "table1":
        subject = f"Table 1: {cell.setting[0]} or {cell.setting[1]} digits"
    else:
        subject = f"Table 2: three objects, {DATASETS[cell.dataset]}"
    return subject + (" (rendered digits)" if digits == "rendered" else "")


def _seeds(cell):
    word = "seed" if len(cell.seeds) == 1 else "seeds"
    return f"{word} {', '.join(str(seed) for seed in cell.seeds)}"


def _metric(axis, cells, metric, results):
    """One metric: a line, its band and the published value for each method."""
    seen = []
    epochs = max(cell.epochs for cell in cells if cell.complete)
    for number, cell in enumerate(cells):
        method = cell.experiment.split("/")[1].split("-")[0]
        colour = drawing.METHOD_COLOURS[method]
        mean, std = published.published(cell.experiment)[metric]
        place = max(epochs, 2) * (1 + PLACE * (number + 1))
        axis.errorbar(place, mean, std, color=colour, fmt="D", ms=3, lw=0.8, capsize=2)
        seen += [mean - std, mean + std]
        if not cell.complete:
            axis.plot([], [], color=colour, label=f"{cell.method} (no run yet)")
            continue
        means, deviations = curve(cell, metric, results)
        trained = range(1, len(means) + 1)
        low = [m - d for m, d in zip(means, deviations, strict=True)]
        high = [m + d for m, d in zip(means, deviations, strict=True)]
        axis.plot(
            trained,
            means,
            color=colour,
            lw=WIDTHS[number],
            marker="o" if len(means) == 1 else None,  # which is no line
            label=f"{cell.method} ({_seeds(cell)})",
        )
        axis.fill_between(trained, low, high, color=colour, alpha=0.2, lw=0)
        # The first epochs of a loss lie far off: they would flatten all the rest.
        settled = slice(len(means) // 5, None)
        seen += [*low[settled], *high[settled]]
        if metric == "nelbo" and (training := training_curve(cell, results)):
            axis.plot(trained, training, color=colour, **TRAINING)
            seen += training[settled]
    if metric not in published.LOWER_IS_BETTER:
        seen += [0.0, 1.0]  # shares
        axis.set_yticks([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    margin = MARGIN * (max(seen) - min(seen))
    axis.set_ylim(min(seen) - margin, max(seen) + margin)
    better = "lower" if metric in published.LOWER_IS_BETTER else "higher"
    axis.set_title(f"{published.TITLES[metric]} ({better} is better)")
    axis.set_xlabel("epoch")
    # The epochs' axis ends where the runs do; the published values stand beside it.
    end = max(epochs, 2)
    axis.axvline(end * (1 + PLACE / 2), **END)
    ticks = MaxNLocator("auto", integer=True).tick_values(1, end)
    axis.set_xticks([tick for tick in ticks if 0 <= tick <= end])


if __name__ == "__main__":
    from data import DataError

    sys.exit(command_line.main(define, body, None, DESCRIPTION, (DataError,)))
