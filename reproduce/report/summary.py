"""The state of the runs: which are done, and which method is best."""

import numpy as np
import pandas

from reproduce.experiments import grid, published
from reproduce.experiments.grid import METHODS
from reproduce.records.record import COMPLETE


def state(runs):
    """How many runs there are, how many at the paper's protocol, and their hours.

    A longer run may continue from a shorter one's checkpoint, and its time then
    includes the shorter one's: of runs that differ only in length, the longest counts.
    """
    plain = (runs.variant == "paper") & (runs.status == COMPLETE) & ~runs.stale
    full = plain & (runs.epochs >= published.EPOCHS) & runs.seed.isin(published.SEEDS)
    identity = ["experiment", "variant", "seed"]
    longest = runs.sort_values("epochs").drop_duplicates(identity, keep="last")
    return {
        "all": len(grid.experiments()) * published.RUNS,
        "full": int(full.sum()),
        "runs": len(runs),
        "hours": longest.wall_seconds.sum() / 3600,
    }


def numbers(tables):
    """A frame with a row for each number of the preset `paper` that has runs.

    Columns: scenes, method, metric, ours and theirs (means, as printed).
    """
    rows = []
    for cell in (cell for table in tables for cell in table):
        if cell["preset"] != "paper" or cell["metrics"] is None:
            continue
        table, method, setting = grid.parts(cell["experiment"])
        scenes = f"{grid.TITLES[table]}, {grid.scenes(setting)}"
        for metric, (theirs, _) in cell["published"].items():
            decimals = published.DECIMALS[table][metric]
            ours = round(cell["metrics"][metric]["mean"], decimals)
            rows.append((scenes, METHODS[method], metric, ours, theirs))
    columns = ["scenes", "method", "metric", "ours", "theirs"]
    return pandas.DataFrame(rows, columns=columns)


def best(frame):
    """The best method of each setting and metric of `numbers`, here and in the paper.

    Returns:
      A dict: "rows", lists of texts: the scenes, then a cell for each metric of Table
      1; the number of comparisons, "all", and how many of them AIR-ASR leads, ties
      included: "here" and "paper".
    """
    key = ["scenes", "metric"]
    frame = frame[frame.groupby(key).method.transform("size") == len(METHODS)]
    sign = np.where(frame.metric.isin(published.LOWER_IS_BETTER), -1, 1)
    score = frame[["ours", "theirs"]].mul(sign, axis=0)
    leads = score == score.groupby([frame[name] for name in key]).transform("max")
    ours, theirs = (
        frame[leads[column]].groupby(key).method.agg(" and ".join)
        for column in ("ours", "theirs")
    )
    table = ours.where(ours == theirs, ours + " (paper: " + theirs + ")")
    table = table.unstack().reindex(frame.scenes.unique(), fill_value="-")
    table = table.reindex(columns=published.METRICS["table1"]).fillna("-")
    asr = leads[frame.method == METHODS["asr"]]
    return {
        "rows": [list(row) for row in table.itertuples()],
        "all": len(ours),
        "here": int(asr.ours.sum()),
        "paper": int(asr.theirs.sum()),
    }
