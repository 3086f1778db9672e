"""Where the runs stand: which are done, and which method is best."""

import numpy as np
import pandas

from reproduce.experiments import grid, published
from reproduce.experiments.grid import METHODS
from reproduce.records.record import COMPLETE


def state(runs):
    """How many runs there are, how many at the paper's protocol, and their hours.

    A longer run may go on from a shorter one's checkpoint, and its time then holds the
    shorter one's: of runs that differ in their length alone the longest counts.
    """
    plain = (runs.variant == "paper") & (runs.status == COMPLETE) & ~runs.stale
    full = plain & (runs.epochs >= published.EPOCHS) & runs.seed.isin(published.SEEDS)
    named = ["experiment", "variant", "seed"]
    longest = runs.sort_values("epochs").drop_duplicates(named, keep="last")
    return {
        "all": len(grid.experiments()) * published.RUNS,
        "full": int(full.sum()),
        "runs": len(runs),
        "hours": longest.wall_seconds.sum() / 3600,
    }


def numbers(tables):
    """A frame with a row for each number of the preset `paper` that has a run.

    Columns: scenes, method, metric, ours and theirs (means, as printed).
    """
    rows = []
    for cell in (cell for table in tables for cell in table):
        if cell["preset"] != "paper" or cell["metrics"] is None:
            continue
        table, method, setting = grid.parts(cell["experiment"])
        scenes = f"{grid.TITLES[table]}, {grid.scenes(setting)}"
        for metric, (theirs, _) in cell["published"].items():
            places = published.DECIMALS[table][metric]
            ours = round(cell["metrics"][metric]["mean"], places)
            rows.append((scenes, METHODS[method], metric, ours, theirs))
    columns = ["scenes", "method", "metric", "ours", "theirs"]
    return pandas.DataFrame(rows, columns=columns)


def best(found):
    """The best method of each setting and metric, ours and the paper's, of `numbers`.

    Returns:
      rows: lists of texts: scenes, then a cell each metric of Table 1.
      wins: comparisons that AIR-ASR wins here, that it wins in the paper, and all.
    """
    key = ["scenes", "metric"]
    found = found[found.groupby(key).method.transform("size") == len(METHODS)]
    sign = np.where(found.metric.isin(published.LOWER_IS_BETTER), -1, 1)
    score = found[["ours", "theirs"]].mul(sign, axis=0)
    leads = score == score.groupby([found[name] for name in key]).transform("max")
    names = [
        found[leads[column]].groupby(key).method.agg(" and ".join)
        for column in ("ours", "theirs")
    ]
    told = names[0].where(names[0] == names[1], names[0] + " (paper: " + names[1] + ")")
    told = told.unstack().reindex(found.scenes.unique(), fill_value="-")
    told = told.reindex(columns=published.METRICS["table1"]).fillna("-")
    wins = [int(each.str.contains(METHODS["asr"]).sum()) for each in names]
    return [list(row) for row in told.itertuples()], [*wins, len(names[0])]
