"""Where the runs stand: which are done, which method is best, how near the paper is."""

import pandas

from reproduce.experiments import grid, published
from reproduce.experiments.configuration import experiments
from reproduce.experiments.presets import METHODS
from reproduce.records.record import COMPLETE
from reproduce.tables import cells, claims

DEVIATIONS = 2  # a number within so many published deviations is near; our choice
NEAR, BETTER, WORSE = (
    f"within {DEVIATIONS} published deviations",
    "better by more",
    "worse by more",
)


def state(runs):
    """How many runs there are, how many at the paper's protocol, and their hours.

    A longer run goes on from a shorter one's checkpoint, and its time then holds the
    shorter one's: of runs that differ in their length alone the longest counts.

    Args:
      runs: the frame of runs, smoke runs left out.
    """
    plain = (runs.variant == "paper") & (runs.status == COMPLETE) & ~runs.stale
    full = plain & (runs.epochs >= published.EPOCHS) & runs.seed.isin(published.SEEDS)
    named = ["experiment", "variant", "seed"]
    longest = runs.sort_values("epochs").drop_duplicates(named, keep="last")
    return {
        "all": len(experiments()) * published.RUNS,
        "full": int(full.sum()),
        "runs": len(runs),
        "hours": longest.seconds.sum() / 3600,
    }


def verdicts(selected):
    """The numbers of the claims by verdict of the preset `paper`, a dict of lists.

    A claim that both tables judge counts by the lesser verdict.
    """
    order = (claims.FAILS, claims.UNDECIDED, claims.HOLDS)
    worst = {}
    for verdict in (v for t in grid.TITLES for v in claims.judge(t, selected, "paper")):
        place = order.index(verdict.verdict)
        number = verdict.claim.number
        worst[number] = min(place, worst.get(number, place))
    return {order[p]: sorted(n for n in worst if worst[n] == p) for p in (2, 0, 1)}


def numbers(tables):
    """A frame with a row for each number of the tables that has a run, as printed.

    Columns: table, setting, method, label, metric, ours and theirs (means), place
    (`NEAR`, `BETTER` or `WORSE`) and told, both with the deviation in words.

    Args:
      tables: frames of `cells.cells`; rows of the preset `paper` count.
    """
    rows = []
    paper = pandas.concat(tables).loc[["paper"]]
    for (_, table, setting, method), cell in paper[paper.state == COMPLETE].iterrows():
        for metric, (theirs, std) in published.published(cell.experiment).items():
            places = published.DECIMALS[table][metric]
            ours = round(cell[metric], places)
            worse = (ours > theirs) == (metric in published.LOWER_IS_BETTER)
            near = round(abs(ours - theirs), places) <= DEVIATIONS * std
            row = {"table": table, "setting": setting, "method": METHODS[method]}
            row |= {"metric": metric, "ours": ours, "theirs": theirs}
            row |= {"label": cells.name(cell.experiment)}
            row |= {"place": NEAR if near else WORSE if worse else BETTER}
            row["told"] = (
                f"{published.TITLES[metric]} {ours:.{places}f} (published "
                f"{theirs:.{places}f} ± {std:.{places}f})"
            )
            rows.append(row)
    columns = ["table", "setting", "method", "metric", "ours", "theirs"]
    return pandas.DataFrame(rows, columns=[*columns, "label", "place", "told"])


def best(found):
    """The best method of each setting and metric, ours and the paper's.

    Args:
      found: of `numbers`.

    Returns:
      rows: lists of texts: scenes, then a cell each metric of Table 1.
      wins: comparisons that AIR-ASR wins here, that it wins in the paper, and all.
    """
    rows, wins, asr = {}, pandas.Series([0, 0, 0]), METHODS["asr"]
    comparisons = found.groupby(["table", "setting", "metric"], sort=False)
    for (table, setting, metric), row in comparisons:
        if len(row) < len(METHODS):
            continue
        best_of = min if metric in published.LOWER_IS_BETTER else max
        ours, theirs = (
            list(row.method[column == best_of(column)])
            for column in (row.ours, row.theirs)
        )
        wins += [asr in ours, asr in theirs, True]
        differs = f" (paper: {' and '.join(theirs)})" if ours != theirs else ""
        line = rows.setdefault(f"{grid.TITLES[table]}, {grid.scenes(setting)}", {})
        line[metric] = " and ".join(ours) + differs
    metrics = published.METRICS["table1"]
    lines = [[name, *(row.get(m, "-") for m in metrics)] for name, row in rows.items()]
    return lines, wins.tolist()


def near(found):
    """How many numbers are near, by method, and those that are far.

    Args:
      found: of `numbers`.

    Returns:
      rows: lists of texts: method, numbers near, better and worse.
      far: by place a list of texts, one a cell.
    """
    counts = found.groupby(["method", "place"], sort=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[NEAR, BETTER, WORSE], fill_value=0)
    rows = [[method, *map(str, line)] for method, *line in counts.itertuples()]
    far = {}
    for place in (WORSE, BETTER):
        of_place = found[found.place == place].groupby("label", sort=False).told
        if texts := [f"{label}: {', '.join(told)}" for label, told in of_place]:
            far[place] = texts
    return rows, far
