"""The paper's claims of claims.toml, each judged by a function of the runs.

A claim is judged only when every cell that it compares has runs; a standard deviation
needs two seeds. Methods are compared after as many epochs as all of them have reached,
where the histories tell the metrics. Means are compared with the digits printed: a
tie for the best counts as best (as .61 and .61 in the paper's Table 1), but not as
better. Applied to the numbers that the paper printed, each rule on means says "holds".
Bounds that the paper does not print are this project's choices.

A judge takes the complete runs, whose groups by cell come in the paper's order, and
returns: whether the claim holds, None if the runs cannot tell; how much of it does,
such as "11 of 12"; what happened instead, or for what other reason it holds, "" if it
holds as the paper says; and the numbers behind it, texts.
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
LEAST_MISSED = 20  # claim 3: fewer scenes with too few objects tell no trend
PAIRS_IN_SAMPLES = 3_000  # claim 6: of records that do not tell a standard error
STANDARD_ERRORS = 2  # claim 6: a smaller difference may be chance


CLAIMS = tomllib.loads(
    (pathlib.Path(__file__).parent / "claims.toml").read_text("utf-8")
)


class Verdict(NamedTuple):
    """A judged claim; `notes` tells how the runs fall short of the paper's protocol."""

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
        """The verdict as readers see it."""
        return f"{self.verdict} so far" if self.notes else self.verdict

    @property
    def decided(self):
        """Whether there were runs enough to judge it."""
        return self.verdict != UNDECIDED

    def to_json(self):
        """Its form in results/<table>.json, a dict of texts."""
        parts = [part for part in (self.told, self.score, *self.points) if part]
        notes = f" [{'; '.join(self.notes)}]" if self.notes else ""
        return {
            "preset": self.preset,
            "claim": f"{self.number}. {self.claim['rule']}",
            "verdict": self.verdict,
            "evidence": "; ".join(parts) + notes,
        }


def judge(table, selected, epochs, presets):
    """The verdicts on the claims about a table, by preset and number: a list.

    Args:
      table: "table1" or "table2".
      selected: the runs of `cells.select`; cells left out count as missing.
      epochs: the frame of histories.
      presets: whose runs are judged.
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
    """The numbers of the claims by verdict of the preset `paper`, a dict of lists.

    A claim that both tables judge counts by the lesser verdict.
    """
    order, worst = (HOLDS, UNDECIDED, FAILS), {}
    for table in grid.TITLES:
        for verdict in judge(table, selected, epochs, ["paper"]):
            place, number = order.index(verdict.verdict), verdict.number
            worst[number] = max(place, worst.get(number, place))
    return {order[p]: sorted(n for n in worst if worst[n] == p) for p in range(3)}


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
    names = [
        grid.full_label(f"{table}/{method}-{setting}")
        for setting in settings
        for method in methods
        if usable.get((setting, method), 0) < least
    ]
    if names:
        needed = f"needs {count_of(least, 'run')} each of {_commas(names)}"
        return Verdict(number, preset, UNDECIDED, points=(needed,))
    holds, score, told, points = JUDGES[number](complete)
    if holds is None:
        return Verdict(number, preset, UNDECIDED, points=tuple(points))
    marks = {mark for _, own in _by_cell(runs) for mark in cells.marks(own)}
    notes = [text for mark, text in cells.MARKS.items() if mark in marks]
    lengths = _by_setting(complete).epochs
    if historic and complete.cut_from.notna().any():
        reached = " or ".join(map(str, sorted(set(lengths.min()))))
        notes.append(f"compared after {reached} epochs, which all methods have reached")
    if (lengths.nunique() > 1).any():
        notes.append("the methods' runs differ in length")
    verdict = HOLDS if holds else FAILS
    return Verdict(number, preset, verdict, score, told, tuple(points), tuple(notes))


def _commas(items):
    return ", ".join(map(str, items))


def _printed(mean, places=2):
    """A mean with the digits that are printed."""
    return float(f"{mean:.{places}f}")


def _by_cell(runs):
    return runs.groupby(["setting", "method"], observed=True)


def _by_setting(runs):
    return runs.groupby("setting", observed=True)


def _contest(runs, metrics, method, *others):
    """A frame with a row each setting and metric.

    Columns: setting, title of the metric, sign (whether the method beats the best of
    the others, 1, ties, 0, or loses, -1), winner among the others, text with the
    numbers.
    """
    rows = []
    digits = published.DECIMALS[runs.table.iloc[0]]
    for setting, own in _by_setting(runs):
        for metric in metrics:
            places = digits.get(metric, 2)
            means = own.groupby("method", observed=True)[metric].mean()
            means = means.map(lambda mean, places=places: _printed(mean, places))
            better = -means if metric in published.LOWER_IS_BETTER else means
            rest = better[list(others)]
            sign = int(np.sign(better[method] - rest.max()))
            title = published.TITLES.get(metric, "nELBO without KL(z_pres)")
            shown = {m: f"{METHODS[m]} {means[m]:.{places}f}" for m in means.index}
            words = " and ".join(shown[m] for m in others)
            text = f"{title} {shown[method]} against {words}"
            text += {1: "", 0: " (a tie)", -1: " (not better)"}[sign]
            rows.append((setting, title, sign, METHODS[rest.idxmax()], text))
    columns = ["setting", "title", "sign", "winner", "text"]
    return pandas.DataFrame(rows, columns=columns)


def _lines(contest):
    groups = contest.groupby("setting", sort=False).text
    return [f"{setting}: {'; '.join(texts)}" for setting, texts in groups]


def asr_is_best(runs, nelbo="nelbo"):
    contest = _contest(runs, (nelbo, "acc", "se", "miou"), "asr", "air", "pprior")
    lost = contest[contest.sign < 0]
    told = [
        f"{r.winner} is better in {r.title} on {r.setting}" for r in lost.itertuples()
    ]
    accuracy = _by_setting(runs[runs.method == "asr"]).acc.mean()
    low = accuracy[accuracy.map(_printed) < LEAST_ACCURACY]
    told += [f"ACC of AIR-ASR is {acc:.2f} on {s}" for s, acc in low.items()]
    score = f"best or tied in {12 - len(lost)} of 12; ACC on {3 - len(low)} of 3"
    return not told, score, _commas(told), _lines(contest)


def asr_is_best_without_kl_presence(runs):
    holds, score, told, points = asr_is_best(runs, cells.EXTRA)
    points = [point.split("; ")[0] for point in points]
    return holds, score, told, [*points, "ACC, SE and mIoU: as in 1"]


def pprior_does_not_count(runs):
    means = _by_setting(runs)[["acc", "one_step_share", "mean_count"]].mean()
    low = means.acc.map(_printed) <= MOST_ACCURACY_WITHOUT_OBJECTS
    counts = _commas(f"{s}: {count:.2f}" for s, count in means.mean_count.items())
    told = "" if low.all() else f"it counts: steps on average {counts}"
    if low.all() and (means.one_step_share < LEAST_ONE_STEP_SHARE).all():
        told = (
            "for another reason than the paper's: it does not take the image for one "
            f"object, but uses more steps (on average {counts})"
        )
    points = [f"AIR-pPrior-{s}: ACC {acc:.2f}" for s, acc in means.acc.items()]
    return low.all(), f"{low.sum()} of 3 settings", told, points


def pprior_uses_one_step(runs):
    means = _by_setting(runs)[["one_step_share", "mean_count"]].mean()
    one = means.one_step_share >= LEAST_ONE_STEP_SHARE
    more = _commas(f"{n:.2f} on {s}" for s, n in means.mean_count[~one].items())
    told = f"it uses more steps, on average {more}" if more else ""
    points = [
        f"AIR-pPrior-{s}: one step in {share:.0%} of the scenes, {count:.2f} steps on "
        "average"
        for s, share, count in means.itertuples()
    ]
    return one.all(), f"{one.sum()} of 3 settings", told, points


def air_merges_close_objects(runs):
    """Scenes of more objects have closer pairs and are undercounted more often, so each
    true count of each setting is judged apart."""
    found, points = {}, []
    for setting, own in _by_setting(runs):
        for count in own.too_few_by_count.iloc[0]:
            correlation, text = _correlation([t[count] for t in own.too_few_by_count])
            points.append(f"{setting}, {count} objects: {text}")
            if correlation is not None:
                found[f"{count} objects on {setting}"] = correlation
    falls = [correlation <= LARGEST_RANK_CORRELATION for correlation in found.values()]
    holds, told = 2 * sum(falls) > len(falls), ""
    if not holds:
        same = _commas(name for name, correlation in found.items() if correlation == 0)
        told = "the share of scenes with too few does not fall with the distance"
        told += f"; it is constant for {same}" if same else ""
    score = f"falls in {sum(falls)} of {len(falls)} true counts"
    return holds if falls else None, score, told, points


def _correlation(tables):
    """The rank correlation of distance and share, None without; the shares in words.

    A share that is the same everywhere does not fall: 0.
    """
    edges = tables[0]["edges"]
    scenes, few = (
        np.sum([t[n] for t in tables], axis=0) for n in ("scenes", "too_few")
    )
    filled = np.flatnonzero(scenes >= LEAST_SCENES_IN_BIN)
    shares = few[filled] / scenes[filled]
    if (missed := few.sum()) < LEAST_MISSED:
        told = count_of(missed, "scene") if missed else "no scene"
        return None, f"{told} with too few objects"
    if len(filled) < 3:
        return None, f"only {len(filled)} distance bins have scenes"
    if len(set(shares)) == 1:
        return 0.0, f"the same share at all distances, {shares[0]:.0%}"
    bins = zip(filled, shares, strict=True)
    text = _commas(f"{edges[i]:g}-{edges[i + 1]:g} px {share:.0%}" for i, share in bins)
    correlation = float(stats.spearmanr(range(len(shares)), shares).statistic)
    return correlation, f"{text} (rank correlation {correlation:.2f})"


def _by_dataset(found, form, after=""):
    """The methods' rows of each dataset, and a line with their two numbers."""
    for setting, rows in found.groupby("setting", observed=True):
        rows = rows.droplevel("setting")
        words = [form.format(METHODS[m], a, b) for m, a, b in rows.itertuples()]
        yield grid.scenes(setting), rows, f"{setting}: {_commas(words)}{after}"


def asr_finds_boxes(runs):
    points, told, found = [], [], _by_cell(runs).miou.agg(["mean", "std"])
    for scenes, rows, line in _by_dataset(found, "{} {:.2f} ± {:.2f}"):
        points.append(line)
        high = (rows["mean"] + rows["std"]).drop("asr").max()
        if not rows["mean"]["asr"] - rows["std"]["asr"] > high:
            best = rows["mean"].idxmax()
            less = ", but by less than the deviations" if best == "asr" else ""
            told.append(f"on {scenes} {METHODS[best]} has the highest mIoU{less}")
    return not told, f"{2 - len(told)} of 2 datasets", "; ".join(told), points


def asr_trades_nelbo(runs):
    parts = (("nelbo",), "pprior", "asr"), (("se", "miou"), "asr", "pprior")
    contest = pandas.concat([_contest(runs, *part) for part in parts])
    lost = contest[contest.sign < 1]
    told = [
        f"{r.title} is as good or better with {r.winner}" for r in lost.itertuples()
    ]
    score = f"{3 - len(lost)} of 3 comparisons"
    return not told, score, "; ".join(told), list(contest.text)


def asr_samples_are_separate(runs):
    """All runs draw their samples with the same random numbers, and AIR's prior is
    fixed as a whole: its share is the same in every run. So further seeds do not reduce
    the standard errors, those of one run; binomial where a record has none."""
    share = runs.overlapping_pairs_in_samples
    binomial = (share * (1 - share) / PAIRS_IN_SAMPLES) ** 0.5
    error = runs.overlapping_pairs_in_samples_error.astype(float).fillna(binomial)
    found = _by_cell(runs.assign(share=share, error=error))[["share", "error"]].mean()
    form, after = "{} {:.1%} ± {:.1%}", " (± standard error of each share)"
    points, told = [], []
    for scenes, rows, line in _by_dataset(found, form, after):
        points.append(line)
        apart = rows.share - rows.share["asr"]
        noise = np.hypot(rows.error, rows.error["asr"])
        if not (apart > STANDARD_ERRORS * noise).drop("asr").all():
            least = METHODS[rows.share.idxmin()]
            within = " within chance" if least == METHODS["asr"] else ""
            told.append(f"{least} has the smallest on {scenes}{within}")
    return not told, f"{2 - len(told)} of 2 datasets", "; ".join(told), points


def training_is_unstable(runs):
    """Three seeds say little about one cell's deviation, so a method's are pooled over
    its settings (root mean square), and so are the published ones."""
    stds, table = _by_cell(runs).nelbo.std().unstack("setting"), runs.table.iloc[0]
    points, told = [], []
    for method, each in stds.iterrows():
        printed = [published.published(f"{table}/{method}-{s}") for s in each.index]
        pair = each, [numbers["nelbo"][1] for numbers in printed]
        ours, theirs = (float(np.sqrt(np.mean(np.square(stds)))) for stds in pair)
        parts = _commas(f"{setting}: {std:.2f}" for setting, std in each.items())
        name = METHODS[method]
        points.append(f"{name} {ours:.2f}, published {theirs:.2f} ({parts})")
        if _printed(ours) < _printed(theirs):
            told.append(f"{name} varies less")
    return not told, f"{3 - len(told)} of 3 methods", _commas(told), points


def air_beats_pprior(runs):
    """The published numbers themselves have AIR better in 9 of the 12, worse in 2."""
    contest = _contest(runs, published.METRICS["table1"], "air", "pprior")
    wins, ties, losses = ((contest.sign == sign).sum() for sign in (1, 0, -1))
    lost = contest[contest.sign < 0].groupby("title", sort=False).setting
    told = _commas(f"{title} ({_commas(settings)})" for title, settings in lost)
    told = "" if wins > 6 else f"AIR-pPrior is better in {told}"
    score = f"better in {wins}, tied in {ties} and worse in {losses} of 12"
    return wins > 6, score, told, _lines(contest)


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
