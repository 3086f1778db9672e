"""The paper's claims, each judged by a pure function of the cells.

A claim is judged only when every cell that it compares has runs; a standard
deviation needs two seeds. A tie for the best mean still counts as best (as .61
and .61 in the paper's Table 1) and is named in the evidence, whereas a tie is
not "better".

Applied to the numbers that the paper printed, each rule on means says "holds".
"""

import numpy as np
from scipy import stats

from reproduce import published
from reproduce.configuration import TABLE1_SETTINGS
from reproduce.judging import (
    UNDECIDED,
    Cells,
    Claim,
    compare,
    root_mean_square,
)

# Choices of this project where the paper's words give no number.
MOST_ACCURACY_WITHOUT_OBJECTS = 0.50  # claim 2: ACC "at most .5"
LEAST_ONE_STEP_SHARE = 0.90  # claim 2: "uses a single step"
LARGEST_RANK_CORRELATION = -0.5  # claim 3: "falls"
LEAST_SCENES_IN_BIN = 10  # claim 3: bins with fewer scenes are left out


def judge(table, cells):
    """The claims about one table, in the order of their numbers.

    Args:
      table: "table1" or "table2".
      cells: the table's `cells.Cell` objects; cells left out count as missing.
    """
    by_name = {cell.experiment.split("/")[1]: cell for cell in cells}
    judges = {
        "table1": (
            asr_is_best,
            asr_is_best_without_kl_presence,
            pprior_does_not_count,
            pprior_uses_one_step,
            air_merges_close_objects,
            training_is_unstable,
            air_beats_pprior,
        ),
        "table2": (
            asr_finds_boxes,
            asr_trades_nelbo,
            asr_samples_are_separate,
            training_is_unstable,
        ),
    }
    return [function(Cells(table, by_name)) for function in judges[table]]


def asr_is_best(cells, number="1", nelbo="nelbo", words="nELBO"):
    """Claim 1: the best mean of four metrics on each setting, ACC >= .96."""
    claim = (
        f"{number}. On each number setting AIR-ASR has the best {words}, ACC, SE and "
        "mIoU, and ACC of at least .96"
    )
    metrics = (nelbo, "acc", "se", "miou")
    names = [f"{m}-{s}" for s in ("13", "14", "24") for m in ("air", "pprior", "asr")]
    if lacks := cells.lacks(names, metrics):
        return Claim(claim, UNDECIDED, lacks)
    holds, parts = True, []
    for setting in ("13", "14", "24"):
        ours = cells[f"asr-{setting}"]
        others = [cells[f"{method}-{setting}"] for method in ("air", "pprior")]
        words = []
        for metric in metrics:
            sign, text = compare(metric, ours, others)
            holds &= sign >= 0
            words.append(text)
        holds &= round(ours.mean("acc"), 2) >= 0.96
        parts.append(f"{setting}: " + ", ".join(words))
    return cells.verdict(claim, holds, "; ".join(parts), names)


def asr_is_best_without_kl_presence(cells):
    """Claim 1 with KL(z_pres) taken off: AIR's annealed prior inflates it."""
    return asr_is_best(
        cells, "1b", "nelbo_without_kl_presence", "nELBO without KL(z_pres)"
    )


def pprior_does_not_count(cells):
    """Claim 2: ACC of AIR-pPrior is at most .5 on each number setting."""
    claim = "2. AIR-pPrior does not find the objects: ACC of at most .5"
    names = ["pprior-13", "pprior-14", "pprior-24"]
    if lacks := cells.lacks(names, ("acc",)):
        return Claim(claim, UNDECIDED, lacks)
    means = [cells[name].mean("acc") for name in names]
    holds = all(round(mean, 2) <= MOST_ACCURACY_WITHOUT_OBJECTS for mean in means)
    text = ", ".join(
        f"{cells[n].label}: ACC {m:.2f}" for n, m in zip(names, means, strict=True)
    )
    return cells.verdict(claim, holds, text, names)


def pprior_uses_one_step(cells):
    """Claim 2's cause: AIR-pPrior takes an image for a single object."""
    claim = (
        "2b. AIR-pPrior uses a single step (in at least "
        f"{LEAST_ONE_STEP_SHARE:.0%} of the scenes)"
    )
    names = ["pprior-13", "pprior-14", "pprior-24"]
    if lacks := cells.lacks(names, ("one_step_share", "mean_count")):
        return Claim(claim, UNDECIDED, lacks)
    shares = [cells[name].mean("one_step_share") for name in names]
    counts = [cells[name].mean("mean_count") for name in names]
    holds = all(share >= LEAST_ONE_STEP_SHARE for share in shares)
    text = ", ".join(
        f"{cells[name].label}: one step in {share:.0%} of the scenes, {count:.2f} "
        "steps on average"
        for name, share, count in zip(names, shares, counts, strict=True)
    )
    return cells.verdict(claim, holds, text, names)


def air_merges_close_objects(cells):
    """Claim 3: too few objects are inferred mostly where a pair is close.

    Scenes of more objects have closer pairs and are undercounted more often, so
    each number of objects of each setting is judged apart. "Falls" is a Spearman
    correlation between distance and the share of scenes with too few objects, of at
    most -0.5 in the mean.
    """
    claim = (
        "3. AIR merges close objects: too few are inferred less often as the nearest "
        "pair's distance grows"
    )
    names = ["air-13", "air-14", "air-24"]
    if lacks := cells.lacks(names, ("too_few_by_distance",)):
        return Claim(claim, UNDECIDED, lacks)
    correlations, texts = [], []
    for name in names:
        for count, tables in _too_few(cells[name]).items():
            correlation, text = _falls(tables)
            texts.append(f"{cells[name].setting}, {count} objects: {text}")
            if correlation is not None:
                correlations.append(correlation)
    if not correlations:
        return Claim(claim, UNDECIDED, "; ".join(texts))
    mean = float(np.mean(correlations))
    evidence = f"mean rank correlation {mean:.2f}; " + "; ".join(texts)
    return cells.verdict(claim, mean <= LARGEST_RANK_CORRELATION, evidence, names)


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


def _falls(tables):
    """The rank correlation of distance and share, None without; the shares in words."""
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
        return 0.0, f"the same share at all distances ({text})"
    correlation = float(stats.spearmanr(range(len(shares)), shares).statistic)
    return correlation, f"{text} ({correlation:.2f})"


def asr_finds_boxes(cells):
    """Claim 4: AIR-ASR's mIoU leads by more than the two deviations together."""
    claim = (
        "4. On overlap AIR-ASR has the best mIoU on both datasets, by more than the "
        "standard deviations"
    )
    settings, methods = ("mnist", "dsprites"), ("air", "pprior", "asr")
    names = [f"{method}-{setting}" for setting in settings for method in methods]
    if lacks := cells.lacks(names, ("miou",), runs=2):
        return Claim(claim, UNDECIDED, lacks)
    holds, parts = True, []
    for setting in settings:
        trio = [cells[f"{method}-{setting}"] for method in methods]
        moments = [(cell.mean("miou"), cell.std("miou")) for cell in trio]
        mean, std = moments[-1]  # of AIR-ASR
        holds &= all(mean - m > std + s for m, s in moments[:-1])
        words = [
            f"{cell.method} {m:.2f} ± {s:.2f}"
            for cell, (m, s) in zip(trio, moments, strict=True)
        ]
        parts.append(f"{setting}: " + ", ".join(words))
    return cells.verdict(claim, holds, "; ".join(parts), names)


def asr_trades_nelbo(cells):
    """Claim 5: the better likelihood is not the better structure."""
    claim = (
        "5. On Multi-MNIST overlap AIR-pPrior has the better nELBO, AIR-ASR the better "
        "SE and mIoU"
    )
    names = ["pprior-mnist", "asr-mnist"]
    if lacks := cells.lacks(names, ("nelbo", "se", "miou")):
        return Claim(claim, UNDECIDED, lacks)
    pprior, asr = (cells[name] for name in names)
    signs, texts = zip(
        compare("nelbo", pprior, [asr]),
        compare("se", asr, [pprior]),
        compare("miou", asr, [pprior]),
        strict=True,
    )
    return cells.verdict(claim, min(signs) > 0, ", ".join(texts), names)


def asr_samples_are_separate(cells):
    """Claim 6: in samples from the prior fewer pairs of boxes overlap.

    A bound on the share itself would say little: it depends on the sides that the
    fixed prior of z_scale samples, whatever AIR-ASR infers.
    """
    claim = (
        "6. Samples of AIR-ASR show separate objects: the smallest share of "
        "overlapping box pairs on both datasets"
    )
    metric = "overlapping_pairs_in_samples"
    settings, methods = ("mnist", "dsprites"), ("air", "pprior", "asr")
    names = [f"{method}-{setting}" for setting in settings for method in methods]
    if lacks := cells.lacks(names, (metric,)):
        return Claim(claim, UNDECIDED, lacks)
    holds, parts = True, []
    for setting in settings:
        trio = [cells[f"{method}-{setting}"] for method in methods]
        shares = [cell.mean(metric) for cell in trio]
        holds &= shares[2] < min(shares[:2])
        words = [f"{c.method} {s:.1%}" for c, s in zip(trio, shares, strict=True)]
        parts.append(f"{setting}: " + ", ".join(words))
    return cells.verdict(claim, holds, "; ".join(parts), names)


def training_is_unstable(cells):
    """Claim 7: the spread of nELBO is at least the published one.

    Three seeds say little about one cell's deviation, so a method's are pooled
    over its settings (root mean square) and compared with the published ones
    pooled alike; the claim, on all three models, holds if each is as unstable.
    """
    claim = (
        "7. Training is unstable: for each method the standard deviation of nELBO over "
        "seeds is at least the published one"
    )
    settings = {"table1": ("13", "14", "24"), "table2": ("mnist", "dsprites")}
    settings = settings[cells.table]
    names = [f"{m}-{s}" for m in ("air", "pprior", "asr") for s in settings]
    if lacks := cells.lacks(names, ("nelbo",), runs=2):
        return Claim(claim, UNDECIDED, lacks)
    holds, parts = True, []
    for method in ("air", "pprior", "asr"):
        row = [cells[f"{method}-{setting}"] for setting in settings]
        ours = root_mean_square([cell.std("nelbo") for cell in row])
        theirs = root_mean_square(
            [published.published(cell.experiment)["nelbo"][1] for cell in row]
        )
        holds &= round(ours, 2) >= round(theirs, 2)
        each = ", ".join(f"{c.setting}: {c.std('nelbo'):.2f}" for c in row)
        parts.append(f"{row[0].method} {ours:.2f}, published {theirs:.2f} ({each})")
    return cells.verdict(claim, holds, "; ".join(parts), names)


def air_beats_pprior(cells):
    """Claim 8: AIR is better in most of 3 settings x 4 metrics.

    The published numbers themselves have AIR better in 9 of the 12, worse in 2.
    """
    claim = "8. AIR beats AIR-pPrior on the number settings (in most comparisons)"
    metrics, settings = published.METRICS["table1"], ("13", "14", "24")
    names = [f"{method}-{s}" for s in settings for method in ("air", "pprior")]
    if lacks := cells.lacks(names, metrics):
        return Claim(claim, UNDECIDED, lacks)
    signs, parts = [], []
    for setting in settings:
        words = []
        for metric in metrics:
            air, pprior = (cells[f"{m}-{setting}"] for m in ("air", "pprior"))
            sign, text = compare(metric, air, [pprior])
            signs.append(sign)
            words.append(text)
        parts.append(f"{setting}: " + ", ".join(words))
    wins, ties = signs.count(1), signs.count(0)
    score = f"better in {wins}, tied in {ties} and worse in {signs.count(-1)} of 12"
    return cells.verdict(claim, wins > 6, f"{score}; " + "; ".join(parts), names)
