"""How a claim is judged: verdicts, what is missing, which of two means is better.

"Better" compares means rounded to two digits, as Table 1 prints them, so that
equal prints are ties.
"""

from typing import NamedTuple

from reproduce import published

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "not enough runs"
VERDICTS = (HOLDS, FAILS, UNDECIDED)


class Claim(NamedTuple):
    """A claim and its verdict.

    Attributes:
      claim: its number and its words.
      verdict: `HOLDS`, `FAILS` or `UNDECIDED`.
      points: the numbers behind it, a text for each setting or group of cells, or
        the one text that says what is missing.
      score: how much of the claim holds, such as "11 of 12"; "" if undecided.
      notes: how the runs behind it fall short of the paper's protocol, texts.
    """

    claim: str
    verdict: str
    points: tuple[str, ...]
    score: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self):
        """Its form in `results/<table>.json`, a dict of texts."""
        names = ("claim", "verdict", "evidence")
        return {name: getattr(self, name) for name in names}

    @property
    def evidence(self):
        """Score, points and notes in one text."""
        notes = f" [{'; '.join(self.notes)}]" if self.notes else ""
        return (
            "; ".join([self.score, *self.points] if self.score else self.points) + notes
        )

    @property
    def number(self):
        """Its number, such as "1b"."""
        return self.claim.split(".")[0]

    @property
    def words(self):
        """The verdict as readers see it."""
        return f"{self.verdict} so far" if self.notes else self.verdict


class Cells:
    """The cells of one table by name, and what a claim lacks among them."""

    def __init__(self, table, by_name):
        self.table = table
        self._by_name = by_name

    def __getitem__(self, name):
        return self._by_name[name]

    def undecided(self, claim, names, metrics, runs=1):
        """The claim with what is missing, or None if it can be judged.

        Args:
          claim: its words.
          names: the cells compared, such as "asr-13".
          metrics: those that each run must have.
          runs: how many complete runs each cell must have.
        """
        missing = {}
        for name in names:
            cell = self._by_name.get(name)
            label = name if cell is None else cell.label
            if cell is None or not (cell.complete or cell.failed):
                missing.setdefault("no run", []).append(label)
            elif cell.smoke:
                return Claim(claim, UNDECIDED, ("smoke runs judge nothing",))
            elif not cell.complete:
                missing.setdefault("failed", []).append(label)
            else:
                have = min(len(cell.values(metric)) for metric in metrics)
                if have < runs:
                    why = f"runs: {have}, needed: {runs}"
                    missing.setdefault(why, []).append(label)
        text = "too few runs: " + ", ".join(
            f"{commas(labels)} ({why})" for why, labels in missing.items()
        )
        return Claim(claim, UNDECIDED, (text,)) if missing else None

    def verdict(self, claim, holds, score, points, names):
        """A claim that could be judged by the cells of these names."""
        verdict, notes = HOLDS if holds else FAILS, tuple(self._notes(names))
        return Claim(claim, verdict, tuple(points), score, notes)

    def _notes(self, names):
        """How the cells that were judged fall short of the paper's protocol."""
        cells = [self._by_name[name] for name in names]
        notes = []
        if any(cell.short for cell in cells):
            epochs = sorted({cell.epochs for cell in cells})
            notes.append(f"short runs ({commas(epochs)} of {published.EPOCHS} epochs)")
        if any(len(cell.complete) < published.RUNS for cell in cells):
            runs = sorted({len(cell.complete) for cell in cells})
            notes.append(f"{commas(runs)} of {published.RUNS} seeds")
        if failed := [n for n in names if self._by_name[n].failed]:
            notes.append(f"failed runs left out in {commas(failed)}")
        if any(cell.digits == "rendered" for cell in cells):
            notes.append("rendered digits")
        digits = {cell.digits for cell in cells if cell.digits}  # none in sprites
        if len({cell.epochs for cell in cells}) > 1 or len(digits) > 1:
            notes.append("cells of unequal protocols")
        return notes


def compare(metric, cell, others):
    """Whether `cell` beats the best of `others` (1), ties (0) or loses (-1).

    Returns:
      That sign and a text with all the numbers.
    """
    lower = metric in published.LOWER_IS_BETTER
    mean = round(cell.mean(metric), 2)
    means = [round(other.mean(metric), 2) for other in others]
    best = min(means) if lower else max(means)
    sign = 0 if mean == best else (1 if (mean < best) == lower else -1)
    title = published.TITLES.get(metric, "nELBO without KL(z_pres)")
    rest = " and ".join(
        f"{o.method} {value:.2f}" for o, value in zip(others, means, strict=True)
    )
    word = {1: "", 0: " (a tie)", -1: " (not better)"}[sign]
    return sign, f"{title} {cell.method} {mean:.2f} against {rest}{word}"


def compare_all(metrics, cell, others):
    """`compare` for several metrics: a list of signs and one text."""
    signs, texts = zip(*(compare(m, cell, others) for m in metrics), strict=True)
    return list(signs), "; ".join(texts)


def root_mean_square(values):
    """The root of the mean of the squares of a list of numbers."""
    return (sum(value**2 for value in values) / len(values)) ** 0.5


def commas(items):
    """The items joined by commas."""
    return ", ".join(str(item) for item in items)
