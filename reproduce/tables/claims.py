"""The paper's claims of claims.toml, each judged by a function of the runs.

A claim is judged only when every cell that it compares has runs; a standard deviation
needs two seeds. Methods are compared after as many epochs as all of them have reached,
where the histories have the metrics. Means are compared as printed, after rounding: a
tie for the best counts as best (as .61 and .61 in the paper's Table 1), but not as
better. Applied to the numbers that the paper printed, each rule on means says "holds".
Bounds that the paper does not print are this project's choices.

A judge takes the complete runs, whose groups by cell come in the paper's order, and
returns: whether the claim holds, None if the runs cannot decide it; how much of it
holds, such as "11 of 12"; what happened instead, or for what other reason it holds, ""
if it holds as the paper says; and the numbers behind it, a list of texts.
"""

import pathlib
import tomllib
from typing import NamedTuple

import numpy as np
import pandas
from scipy import stats

from reproduce.experiments import grid, published
from reproduce.experiments.grid import METHODS
from reproduce.tables import cells
from reproduce.words import count_of

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "not enough runs"
LEAST_ACCURACY = 0.96  # claim 1: that of AIR-ASR in the paper's Table 1
# Choices of this project where the paper's words give no number.
MOST_ACCURACY_WITHOUT_OBJECTS = 0.50  # claim 2
LEAST_ONE_STEP_SHARE = 0.90  # claim 2b
LARGEST_RANK_CORRELATION = -0.5  # claim 3: "falls"
LEAST_SCENES_IN_BIN = 10  # claim 3: bins with fewer scenes are left out
LEAST_MISSED = 20  # claim 3: fewer scenes with too few objects show no trend
PAIRS_IN_SAMPLES = 3_000  # claim 6: of records without a standard error
STANDARD_ERRORS = 2  # claim 6: a smaller difference may be chance


CLAIMS = tomllib.loads(
    (pathlib.Path(__file__).parent / "claims.toml").read_text("utf-8")
)


class Verdict(NamedTuple):
    """A judged claim: `told` is what happened instead, `points` the numbers behind the
    verdict, `notes` how the runs fall short of the paper's protocol."""

    number: str
    preset: str
    verdict: str
    score: str = ""
    told: str = ""
    points: tuple = ()
    notes: tuple = ()

    @property
    def claim(self):
        """What claims.toml says of it, a dict."""
        return CLAIMS[self.number]

    @property
    def words(self):
        """The verdict as it is printed."""
        return f"{self.verdict} so far" if self.notes else self.verdict

    @property
    def decided(self):
        """Whether there were enough runs to judge it."""
        return self.verdict != UNDECIDED

    def to_json(self):
        """The verdict as in results/<table>.json, a dict of texts."""
        texts = [text for text in (self.told, self.score, *self.points) if text]
        notes = f" [{'; '.join(self.notes)}]" if self.notes else ""
        return {
            "preset": self.preset,
            "claim": f"{self.number}. {self.claim['rule']}",
            "verdict": self.verdict,
            "evidence": "; ".join(texts) + notes,
        }


def judge(table, selected, epochs, presets):
    """The verdicts on the claims about a table, by preset and number: a list.

    Args:
      table: "table1" or "table2".
      selected: the runs of `cells.select`; cells without runs count as missing.
      epochs: the frame of histories.
      presets: names of the presets whose runs are judged.
    """
    runs = selected.assign(  # groups come in the paper's order
        setting=pandas.Categorical(selected.setting, grid.SETTINGS[table]),
        method=pandas.Categorical(selected.method, METHODS),
    )
    runs = runs[runs.table == table]
    return [
        _verdict(number, table, runs[runs.preset == preset], epochs, preset)
        for preset in presets
        for number, claim in CLAIMS.items()
        if table in claim["tables"]
    ]


def by_verdict(selected, epochs):
    """The claims' numbers by verdict on the preset `paper`, a dict of lists.

    A claim that is judged on both tables counts by the worse verdict.
    """
    order, worst = (HOLDS, UNDECIDED, FAILS), {}
    for table in grid.TITLES:
        for verdict in judge(table, selected, epochs, ["paper"]):
            rank, number = order.index(verdict.verdict), verdict.number
            worst[number] = max(rank, worst.get(number, rank))
    return {order[r]: sorted(n for n in worst if worst[n] == r) for r in range(3)}


def _verdict(number, table, runs, epochs, preset):
    claim = CLAIMS[number]
    settings = claim.get("settings", grid.SETTINGS[table])
    methods, least = claim.get("methods", METHODS), claim.get("least", 1)
    runs = runs[runs.setting.isin(settings) & runs.method.isin(methods)]
    if runs.smoke.any():
        return Verdict(number, preset, UNDECIDED, points=("smoke runs judge nothing",))
    if historic := set(claim["metrics"]) <= {*cells.HISTORIC, cells.EXTRA}:
        runs = cells.at_equal_length(runs, epochs)
    complete = runs[runs.status == "complete"]
    usable = _by_cell(complete.dropna(subset=claim["metrics"])).size()
    missing = [
        grid.full_label(f"{table}/{method}-{setting}")
        for setting in settings
        for method in methods
        if usable.get((setting, method), 0) < least
    ]
    if missing:
        needed = f"needs {count_of(least, 'run')} each of {_commas(missing)}"
        return Verdict(number, preset, UNDECIDED, points=(needed,))
    holds, score, remark, points = JUDGES[number](complete)
    if holds is None:
        return Verdict(number, preset, UNDECIDED, points=tuple(points))
    marks = {mark for _, group in _by_cell(runs) for mark in cells.marks(group)}
    notes = [text for mark, text in cells.MARKS.items() if mark in marks]
    lengths = _by_setting(complete).epochs
    if historic and complete.cut_from.notna().any():
        reached = " or ".join(map(str, sorted(set(lengths.min()))))
        notes.append(f"compared after {reached} epochs, which all methods have reached")
    if (lengths.nunique() > 1).any():
        notes.append("the methods' runs differ in length")
    verdict = HOLDS if holds else FAILS
    return Verdict(number, preset, verdict, score, remark, tuple(points), tuple(notes))


def _commas(items):
    return ", ".join(map(str, items))


def _printed(mean, decimals=2):
    """A mean as it is printed."""
    return float(f"{mean:.{decimals}f}")


def _by_cell(runs):
    return runs.groupby(["setting", "method"], observed=True)


def _by_setting(runs):
    return runs.groupby("setting", observed=True)


def _contest(runs, metrics, method, *others):
    """A frame with a row for each setting and metric.

    Columns: setting, title of the metric, sign (1 if the method beats the best of the
    others, 0 if it ties, -1 if it loses), winner among the others, text with the
    numbers.
    """
    rows = []
    decimals = published.DECIMALS[runs.table.iloc[0]]
    for setting, group in _by_setting(runs):
        for metric in metrics:
            places = decimals.get(metric, 2)
            means = group.groupby("method", observed=True)[metric].mean()
            means = means.map(lambda mean, places=places: _printed(mean, places))
            scores = -means if metric in published.LOWER_IS_BETTER else means
            rivals = scores[list(others)]
            sign = int(np.sign(scores[method] - rivals.max()))
            title = published.TITLES.get(metric, "nELBO without KL(z_pres)")
            shown = {m: f"{METHODS[m]} {means[m]:.{places}f}" for m in means.index}
            text = f"{title} {shown[method]} against "
            text += " and ".join(shown[m] for m in others)
            text += {1: "", 0: " (a tie)", -1: " (not better)"}[sign]
            rows.append((setting, title, sign, METHODS[rivals.idxmax()], text))
    columns = ["setting", "title", "sign", "winner", "text"]
    return pandas.DataFrame(rows, columns=columns)


def _lines(contest):
    groups = contest.groupby("setting", sort=False).text
    return [f"{setting}: {'; '.join(texts)}" for setting, texts in groups]


def asr_is_best(runs, nelbo="nelbo"):
    contest = _contest(runs, (nelbo, "acc", "se", "miou"), "asr", "air", "pprior")
    lost = contest[contest.sign < 0]
    remarks = [
        f"{r.winner} is better in {r.title} on {r.setting}" for r in lost.itertuples()
    ]
    accuracy = _by_setting(runs[runs.method == "asr"]).acc.mean()
    low = accuracy[accuracy.map(_printed) < LEAST_ACCURACY]
    remarks += [f"ACC of AIR-ASR is {acc:.2f} on {s}" for s, acc in low.items()]
    score = f"best or tied in {12 - len(lost)} of 12; ACC on {3 - len(low)} of 3"
    return not remarks, score, _commas(remarks), _lines(contest)


def asr_is_best_without_kl_presence(runs):
    holds, score, remarks, points = asr_is_best(runs, cells.EXTRA)
    points = [point.split("; ")[0] for point in points]
    return holds, score, remarks, [*points, "ACC, SE and mIoU: as in 1"]


def pprior_does_not_count(runs):
    means = _by_setting(runs)[["acc", "one_step_share", "mean_count"]].mean()
    low = means.acc.map(_printed) <= MOST_ACCURACY_WITHOUT_OBJECTS
    counts = _commas(f"{s}: {count:.2f}" for s, count in means.mean_count.items())
    remark = "" if low.all() else f"it counts: steps on average {counts}"
    if low.all() and (means.one_step_share < LEAST_ONE_STEP_SHARE).all():
        remark = (
            "for another reason than the paper's: it does not take the image for one "
            f"object, but uses more steps (on average {counts})"
        )
    points = [f"AIR-pPrior-{s}: ACC {acc:.2f}" for s, acc in means.acc.items()]
    return low.all(), f"{low.sum()} of 3 settings", remark, points


def pprior_uses_one_step(runs):
    means = _by_setting(runs)[["one_step_share", "mean_count"]].mean()
    one = means.one_step_share >= LEAST_ONE_STEP_SHARE
    more = _commas(f"{n:.2f} on {s}" for s, n in means.mean_count[~one].items())
    remark = f"it uses more steps, on average {more}" if more else ""
    points = [
        f"AIR-pPrior-{s}: one step in {share:.0%} of the scenes, {count:.2f} steps on "
        "average"
        for s, share, count in means.itertuples()
    ]
    return one.all(), f"{one.sum()} of 3 settings", remark, points


def air_merges_close_objects(runs):
    """Scenes of more objects have closer pairs and are undercounted more often, so each
    true count of each setting is judged apart."""
    correlations, constant, points = [], [], []
    for setting, group in _by_setting(runs):
        tables = list(group.too_few_by_count)
        for count in tables[0]:
            correlation, text = _correlation([table[count] for table in tables])
            points.append(f"{setting}, {count} objects: {text}")
            if correlation is not None:
                correlations.append(correlation)
            if correlation == 0:
                constant.append(f"{count} objects on {setting}: {text}")
    falls = [value <= LARGEST_RANK_CORRELATION for value in correlations]
    holds, remark = 2 * sum(falls) > len(falls), ""
    if not holds:
        does_not = "the share of scenes with too few does not fall with the distance"
        remark = "; ".join([does_not, *constant])
    score = f"falls in {sum(falls)} of {len(falls)} true counts"
    return holds if falls else None, score, remark, points


def _correlation(tables):
    """The rank correlation of distance and share of scenes, and the shares in words.

    It is None if there are too few scenes, and 0 if the share is the same everywhere.
    """
    edges = tables[0]["edges"]
    scenes, few = (
        np.sum([t[n] for t in tables], axis=0) for n in ("scenes", "too_few")
    )
    filled = np.flatnonzero(scenes >= LEAST_SCENES_IN_BIN)
    shares = few[filled] / scenes[filled]
    if (missed := few.sum()) < LEAST_MISSED:
        number = count_of(missed, "scene") if missed else "no scene"
        return None, f"{number} with too few objects"
    if len(filled) < 3:
        return None, f"only {len(filled)} distance bins have scenes"
    if len(set(shares)) == 1:
        return 0.0, f"the same share at all distances, {shares[0]:.0%}"
    bins = zip(filled, shares, strict=True)
    text = _commas(f"{edges[i]:g}-{edges[i + 1]:g} px {share:.0%}" for i, share in bins)
    correlation = float(stats.spearmanr(range(len(shares)), shares).statistic)
    return correlation, f"{text} (rank correlation {correlation:.2f})"


def _by_dataset(frame, form, suffix=""):
    """Yields each dataset's scenes, the methods' rows, and a line of their numbers."""
    for setting, rows in frame.groupby("setting", observed=True):
        rows = rows.droplevel("setting")
        texts = [form.format(METHODS[m], a, b) for m, a, b in rows.itertuples()]
        yield grid.scenes(setting), rows, f"{setting}: {_commas(texts)}{suffix}"


def asr_finds_boxes(runs):
    points, remarks, miou = [], [], _by_cell(runs).miou.agg(["mean", "std"])
    for scenes, rows, line in _by_dataset(miou, "{} {:.2f} ± {:.2f}"):
        points.append(line)
        high = (rows["mean"] + rows["std"]).drop("asr").max()
        if not rows["mean"]["asr"] - rows["std"]["asr"] > high:
            best = rows["mean"].idxmax()
            less = ", but by less than the deviations" if best == "asr" else ""
            remarks.append(f"on {scenes} {METHODS[best]} has the highest mIoU{less}")
    return not remarks, f"{2 - len(remarks)} of 2 datasets", "; ".join(remarks), points


def asr_trades_nelbo(runs):
    parts = (("nelbo",), "pprior", "asr"), (("se", "miou"), "asr", "pprior")
    contest = pandas.concat([_contest(runs, *part) for part in parts])
    lost = contest[contest.sign < 1]
    remarks = [
        f"{r.title} is as good or better with {r.winner}" for r in lost.itertuples()
    ]
    score = f"{3 - len(lost)} of 3 comparisons"
    return not remarks, score, "; ".join(remarks), list(contest.text)


def asr_samples_are_separate(runs):
    """All runs draw their samples with the same random numbers, and AIR's prior is
    entirely fixed: its share is the same in every run. So more seeds do not reduce the
    standard errors, which are those of one run; binomial where a record has none."""
    share = runs.overlapping_pairs_in_samples
    binomial = (share * (1 - share) / PAIRS_IN_SAMPLES) ** 0.5
    error = runs.overlapping_pairs_in_samples_error.astype(float).fillna(binomial)
    shares = _by_cell(runs.assign(share=share, error=error))[["share", "error"]].mean()
    form, suffix = "{} {:.1%} ± {:.1%}", " (± standard error of each share)"
    points, remarks = [], []
    for scenes, rows, line in _by_dataset(shares, form, suffix):
        points.append(line)
        difference = rows.share - rows.share["asr"]
        error = np.hypot(rows.error, rows.error["asr"])
        if not (difference > STANDARD_ERRORS * error).drop("asr").all():
            least = METHODS[rows.share.idxmin()]
            within = " within chance" if least == METHODS["asr"] else ""
            remarks.append(f"{least} has the smallest on {scenes}{within}")
    return not remarks, f"{2 - len(remarks)} of 2 datasets", "; ".join(remarks), points


def training_is_unstable(runs):
    """Three seeds say little about one cell's deviation, so a method's are pooled over
    its settings (root mean square), and so are the published ones."""
    stds, table = _by_cell(runs).nelbo.std().unstack("setting"), runs.table.iloc[0]
    points, remarks = [], []
    for method, row in stds.iterrows():
        printed = [published.published(f"{table}/{method}-{s}") for s in row.index]
        pair = row, [numbers["nelbo"][1] for numbers in printed]
        ours, theirs = (float(np.sqrt(np.mean(np.square(stds)))) for stds in pair)
        by_setting = _commas(f"{setting}: {std:.2f}" for setting, std in row.items())
        name = METHODS[method]
        points.append(f"{name} {ours:.2f}, published {theirs:.2f} ({by_setting})")
        if _printed(ours) < _printed(theirs):
            remarks.append(f"{name} varies less")
    return not remarks, f"{3 - len(remarks)} of 3 methods", _commas(remarks), points


def air_beats_pprior(runs):
    """The published numbers themselves have AIR better in 9 of the 12, worse in 2."""
    contest = _contest(runs, published.METRICS["table1"], "air", "pprior")
    wins, ties, losses = ((contest.sign == sign).sum() for sign in (1, 0, -1))
    lost = contest[contest.sign < 0].groupby("title", sort=False).setting
    lost = _commas(f"{title} ({_commas(settings)})" for title, settings in lost)
    remark = "" if wins > 6 else f"AIR-pPrior is better in {lost}"
    score = f"better in {wins}, tied in {ties} and worse in {losses} of 12"
    return wins > 6, score, remark, _lines(contest)


JUDGES = {
    "1": asr_is_best,
    "1b": asr_is_best_without_kl_presence,
    "2": pprior_does_not_count,
    "2b": pprior_uses_one_step,
    "3": air_merges_close_objects,
    "4": asr_finds_boxes,
    "5": asr_trades_nelbo,
    "6": asr_samples_are_separate,
    "7": training_is_unstable,
    "8": air_beats_pprior,
}
