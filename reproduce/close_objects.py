"""Claim 3: AIR takes objects that stand close together for one."""

import numpy as np
from scipy import stats

from reproduce.configuration import TABLE1_SETTINGS
from reproduce.judging import UNDECIDED, Claim

# Choices of this project: the paper's words give no number.
LARGEST_RANK_CORRELATION = -0.5  # "falls"
LEAST_SCENES_IN_BIN = 10  # bins with fewer scenes are left out


def air_merges_close_objects(cells):
    """Claim 3: too few objects are inferred mostly where a pair is close.

    Scenes of more objects have closer pairs and are undercounted more often, so
    each number of objects of each setting is judged apart. "Falls" is a Spearman
    correlation between distance and the share of scenes with too few objects, of at
    most -0.5; the claim holds if it falls in most of them.
    """
    claim = (
        "3. AIR merges close objects: too few are inferred less often as the nearest "
        "pair's distance grows"
    )
    names = ["air-13", "air-14", "air-24"]
    if undecided := cells.undecided(claim, names, ("too_few_by_distance",)):
        return undecided
    falls, points = [], []
    for name in names:
        for count, tables in _too_few(cells[name]).items():
            correlation, text = _correlation(tables)
            points.append(f"{cells[name].setting}, {count} objects: {text}")
            if correlation is not None:
                falls.append(correlation <= LARGEST_RANK_CORRELATION)
    if not falls:
        return Claim(claim, UNDECIDED, tuple(points))
    score = f"falls in {sum(falls)} of {len(falls)} true counts"
    return cells.verdict(claim, 2 * sum(falls) > len(falls), score, points, names)


def _too_few(cell):
    """A cell's tables of scenes with too few objects: lists by true count.

    Early records have one table of all scenes, which tells enough if only one of the
    setting's counts has pairs.
    """
    pairs = [count for count in TABLE1_SETTINGS[cell.setting] if count > 1]
    tables = {}
    for record in cell.complete:
        metrics = record["metrics"]
        found = metrics.get("too_few_by_count")
        if found is None and len(pairs) == 1:
            found = {str(pairs[0]): metrics["too_few_by_distance"]}
        for count, table in (found or {}).items():
            tables.setdefault(count, []).append(table)
    return tables or {" or ".join(map(str, pairs)): []}


def _correlation(tables):
    """The rank correlation of distance and share, None without; the shares in words.

    A share that is the same everywhere does not fall: 0.
    """
    if not tables:
        return None, "the record does not tell them apart"
    edges = tables[0]["edges"]
    if any(table["edges"] != edges for table in tables):
        return None, "the runs have unequal distance bins"
    scenes = np.sum([table["scenes"] for table in tables], axis=0)
    too_few = np.sum([table["too_few"] for table in tables], axis=0)
    bins = [
        (edges[i], edges[i + 1], too_few[i] / scenes[i])
        for i in range(len(scenes))
        if scenes[i] >= LEAST_SCENES_IN_BIN
    ]
    if len(bins) < 3:
        return None, f"only {len(bins)} distance bins have scenes"
    text = ", ".join(f"{low:g}-{high:g} px {share:.0%}" for low, high, share in bins)
    shares = [share for _, _, share in bins]
    if len(set(shares)) == 1:
        return 0.0, f"the same share at all distances, {shares[0]:.0%}"
    correlation = float(stats.spearmanr(range(len(shares)), shares).statistic)
    return correlation, f"{text} (rank correlation {correlation:.2f})"
