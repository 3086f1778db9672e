"""Learning curves from the runs' histories: of the methods, or of a comparison's rows.

For the methods, every metric is drawn: a line is the mean over a method's seeds, its
band the standard deviation (ddof 1); the nELBO of the training images is dotted. On the
right, in the same colours, are the published values with their deviations.
"""

import itertools

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reproduce.experiments import published
from reproduce.experiments.grid import METHODS
from reproduce.figures import panels

WIDTH = 1.2  # points, of every line
# By method: colour and dashes, through which a line of equal values can be seen.
LINES = {
    "air": {"color": "#0072B2", "ls": "-."},
    "asr": {"color": "#009E73"},
    "pprior": {"color": "#D55E00", "ls": (0, (4, 2))},
}
# By row of a comparison: colour and dashes.
COMPARED = (
    *(("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-.")),
    *(("#CC79A7", ":"), ("0.35", (0, (5, 1)))),
)
FEW = 30  # epochs that are marked one by one
TRAINING = {"ls": ":", "lw": WIDTH}
PRINTED = {"fmt": "D", "ms": 3, "lw": 0.8}
END = {"color": "0.7", "lw": 0.6}
PLACE = 0.03  # between published values, in lengths of the axis
UNITS = {"nelbo": " in nats"}
OUTSIDE = 0.02  # share of a curve's epochs that may lie outside, at either end
MARGIN = 0.06  # above and below what an axis shows, in lengths of the axis


@matplotlib.rc_context(panels.STYLE)
def draw(runs, epochs):
    """The picture of one setting's complete runs, a Matplotlib `Figure`."""
    table, setting = runs.table.iloc[0], runs.setting.iloc[0]
    metrics = published.METRICS[table]
    rows = 2 if len(metrics) > 3 else 1
    size = (panels.WIDTH, 4.4 if rows == 2 else 2.6)
    figure = Figure(figsize=size, dpi=300, layout="constrained")
    axes = figure.subplots(rows, (len(metrics) + rows - 1) // rows).flatten()
    last = max(2, int(runs.epochs.max()))
    for axis, metric in zip(axes, metrics, strict=True):
        values = []
        for number, method in enumerate(METHODS):
            mean, std = published.published(f"{table}/{method}-{setting}")[metric]
            x = last * (1 + PLACE * (number + 1))
            colour = LINES[method]["color"]
            axis.errorbar(x, mean, std, color=colour, capsize=2, **PRINTED)
            values += [mean - std, mean + std]
        for method in LINES:
            folders = runs.folder[runs.method == method]
            history = epochs[epochs.folder.isin(folders)]
            values += _lines(axis, metric, method, history)
        _finish(axis, metric, values, last)
    handles, labels = axes[0].get_legend_handles_labels()
    legend = dict(zip(labels, handles, strict=True))
    legend = {name: legend[name] for name in METHODS.values() if name in legend}
    (legend["nELBO in training"],) = axes[0].plot([], [], color="0.4", **TRAINING)
    legend[f"published, {published.EPOCHS} epochs"] = axes[0].errorbar(
        [], [], [], color="0.4", **PRINTED
    )
    layout = {"loc": "outside lower center", "ncols": 5, "frameon": False}
    figure.legend(legend.values(), legend.keys(), **layout)
    return figure


@matplotlib.rc_context(panels.STYLE)
def compare(rows, epochs, columns):
    """Columns of the histories, each on an axis: a line per run, a colour for each row.

    Args:
      rows: of a comparison, dicts with "labels", "folders" and "epochs", see
        `comparisons.rows.collect`.
      epochs: the frame of histories.
      columns: pairs of an axis's title and a column.

    Returns:
      A Matplotlib `Figure`.
    """
    figure = Figure(figsize=(panels.WIDTH, 3.0), dpi=300, layout="constrained")
    axes, lines = figure.subplots(1, len(columns), squeeze=False)[0], {}
    for row, (colour, dashes) in zip(rows, itertools.cycle(COMPARED), strict=False):
        for folder in row["folders"]:
            history = epochs[epochs.folder == folder]
            # A longer run may stand for a shorter one.
            history = history[history.epoch <= row["epochs"]]
            line = {"color": colour, "ls": dashes, "lw": WIDTH, "ms": 2}
            line["marker"] = "o" if len(history) <= FEW else None
            for axis, (_, column) in zip(axes, columns, strict=True):
                (drawn,) = axis.plot(history.epoch, history[column], **line)
            lines[", ".join(row["labels"])] = drawn
    for axis, (title, _) in zip(axes, columns, strict=True):
        axis.set(xlabel="epoch", title=title)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    layout = {"loc": "outside lower center", "ncols": 2, "frameon": False}
    figure.legend(lines.values(), lines.keys(), **layout)
    return figure


def _lines(axis, metric, method, history):
    """Draws one method's line and band; returns the values that should be visible."""
    if history.empty:
        axis.plot([], [], label=METHODS[method], **LINES[method], lw=WIDTH)
        return []
    by_epoch = history.groupby("epoch")[f"test_{metric}"].agg(["mean", "std"])
    mean, std = by_epoch["mean"], by_epoch["std"].fillna(0)
    marker = "o" if len(mean) == 1 else None  # one point makes no line
    style = LINES[method] | {"lw": WIDTH, "marker": marker, "ms": 3}
    axis.plot(mean.index, mean, label=METHODS[method], **style)
    colour = LINES[method]["color"]
    axis.fill_between(mean.index, mean - std, mean + std, color=colour, alpha=0.2, lw=0)
    # A loss's first epochs and single peaks lie far off and would flatten the rest.
    settled = slice(len(mean) // 5, None)
    low, high = (mean - std)[settled], (mean + std)[settled]
    values = [low.quantile(OUTSIDE), high.quantile(1 - OUTSIDE)]
    if metric == "nelbo" and "train_nelbo" in history:
        training = history.groupby("epoch").train_nelbo.mean()
        axis.plot(training.index, training, color=colour, **TRAINING)
        values += [*training[settled].quantile([OUTSIDE, 1 - OUTSIDE])]
    return values


def _finish(axis, metric, values, last):
    """Sets title, limits and ticks; the ticks end with the longest run."""
    lower = metric in published.LOWER_IS_BETTER
    if not lower:
        values = [*values, 0.0, 1.0]  # shares
        axis.set_yticks([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    margin = MARGIN * (max(values) - min(values))
    axis.set_ylim(min(values) - margin, max(values) + margin)
    better = "lower" if lower else "higher"
    unit = UNITS.get(metric, "")
    axis.set_title(f"{published.TITLES[metric]}{unit} ({better} is better)")
    axis.set_xlabel("epoch")
    axis.axvline(last * (1 + PLACE / 2), **END)
    ticks = MaxNLocator("auto", integer=True).tick_values(1, last)
    axis.set_xticks([tick for tick in ticks if 0 <= tick <= last])
