"""The report's first lines: how far the runs are, and where they stand.

Three questions are answered in this order: which method is best, which of the paper's
claims hold, and how near the numbers are to the published ones (within `DEVIATIONS`
published standard deviations, better by more, or worse by more).
"""

from reproduce import claims, grid, judging, published, records, render
from reproduce.configuration import METHODS

DEVIATIONS = 2  # a choice of this project
NEAR, BETTER, WORSE = range(3)
SHARES = ("acc", "miou")  # metrics whose distances can be compared


def markdown(found, tables, judged):
    """The section "In short".

    Args:
      found: records of all runs of the tables' experiments.
      tables: the tables' cells, lists of `cells.Cell` by name.
      judged: all claims in the order of their numbers, pairs of a `judging.Claim`
        and its table's title.
    """
    cells = [cell for table in tables.values() for cell in table]
    parts = [_state(found, cells), _best(cells), _claims(judged), _against_paper(cells)]
    return "\n\n".join(["## In short", *(part for part in parts if part)])


def _state(found, cells):
    full = sum(
        r["epochs"] >= published.EPOCHS
        and r["variant"] == "paper"
        and r["seed"] in published.SEEDS
        and r["status"] == records.COMPLETE
        for r in found
    )
    hours = _seconds(found) / 3600
    return (
        f"Of the {len(cells) * published.RUNS} runs of Tables 1 and 2 at the "
        f"paper's protocol ({published.EPOCHS} epochs, seeds 0 to 2), {full} are done; "
        "the others are shorter, or missing, and the tables mark them. All "
        f"{len(found)} runs here took {hours:.1f} hours."
    )


def _seconds(found):
    """What all runs took. A longer run continues a shorter one's checkpoint.

    Its time then holds the shorter one's. No record says whether it did, so of runs
    that differ in their number of epochs alone the longest counts, and only it.
    """
    longest = {}
    for record in sorted(found, key=lambda record: record["epochs"]):
        longest[record["experiment"], record["variant"], record["seed"]] = record
    return sum(record["wall_seconds"] for record in longest.values())


def _best(cells):
    """A table of the best method by setting and metric, and the paper's."""
    settings = {}
    for cell in cells:
        if cell.complete and not cell.smoke:
            settings.setdefault((cell.table, cell.setting), []).append(cell)
    settings = {key: row for key, row in settings.items() if len(row) == len(METHODS)}
    if not settings:
        return ""
    metrics, rows, of = published.METRICS["table1"], [], 0
    wins, published_wins = 0, 0
    asr = METHODS["asr"]
    for (table, setting), row in settings.items():
        words = [f"{grid.TITLES[table]}, {grid.scenes(setting)}"]
        for metric in metrics:
            if metric not in published.METRICS[table]:
                words.append("-")
                continue
            ours = _winners(row, metric, lambda cell, m: cell.mean(m))
            theirs = _winners(row, metric, _published_mean)
            of += 1
            wins += asr in ours
            published_wins += asr in theirs
            differs = f" (paper: {' and '.join(theirs)})" if ours != theirs else ""
            words.append(" and ".join(ours) + differs)
        rows.append(render.table_line(words))
    head = render.table_line(["", *(published.TITLES[metric] for metric in metrics)])
    return "\n".join(
        [
            f"Which method is best: {asr} in {wins} of {of} comparisons, in the paper "
            f"in {published_wins}. Where the paper has another one, it is named.",
            "",
            head,
            "|---" * (len(metrics) + 1) + "|",
            *rows,
        ]
    )


def _winners(row, metric, mean_of):
    """The methods of the best mean, as printed; several if they tie."""
    places = published.DECIMALS[row[0].table][metric]
    means = {cell.method: round(mean_of(cell, metric), places) for cell in row}
    best = (min if metric in published.LOWER_IS_BETTER else max)(means.values())
    return [method for method, mean in means.items() if mean == best]


def _published_mean(cell, metric):
    return published.published(cell.experiment)[metric][0]


def _against_paper(cells):
    """How many of each method's means are near, better or worse; those that are far."""
    counts, far, near = {}, {BETTER: [], WORSE: []}, []
    for cell in cells:
        if not cell.complete or cell.smoke:
            continue
        texts = {BETTER: [], WORSE: []}
        for metric, (mean, std) in published.published(cell.experiment).items():
            place = _place(_behind(cell, metric, mean), std)
            counts.setdefault(cell.method, [0, 0, 0])[place] += 1
            ours = f"{published.TITLES[metric]} {render.value(cell, metric)}"
            theirs = render.published_value(cell, metric)
            if place in texts:
                texts[place].append(f"{ours} (published {theirs})")
            elif metric in SHARES:
                told = f"{cell.label}: {ours} against {theirs}"
                near.append((abs(_behind(cell, metric, mean)), told))
        for place, words in texts.items():
            if words:
                far[place].append(f"- {cell.label}: {', '.join(words)}")
    if not counts:
        return ""
    lines = [
        "How near the numbers are to the published ones, by method. A number that is "
        f"better by more is not reproduced either.{_measure(near)}",
        "",
        render.table_line(
            [
                "",
                f"within {DEVIATIONS} published deviations",
                "better by more",
                "worse by more",
            ]
        ),
        "|---|---:|---:|---:|",
    ]
    lines += [
        render.table_line([method, *map(str, places)])
        for method, places in counts.items()
    ]
    for title, place in (("Worse by more:", WORSE), ("Better by more:", BETTER)):
        if far[place]:
            lines += ["", title, "", *far[place]]
    return "\n".join(lines)


def _measure(near):
    """What published deviations are worth as a measure, with the worst example.

    Args:
      near: of each share that counts as near, its distance and the numbers in words.
    """
    distance, told = max(near, default=(0, ""))
    example = f" ({told})" if distance else ""
    return (
        f" A wide published deviation makes even a far number count as near{example}, "
        "and ± 0.00 makes any difference far."
    )


def _place(behind, std):
    """`NEAR`, `BETTER` or `WORSE` for a mean that is worse by `behind`."""
    if abs(behind) <= DEVIATIONS * std:
        return NEAR
    return WORSE if behind > 0 else BETTER


def _behind(cell, metric, theirs):
    """How far a cell's mean is worse than the published one, both as printed."""
    places = published.DECIMALS[cell.table][metric]
    ours = round(cell.mean(metric), places)
    worse = ours - theirs if metric in published.LOWER_IS_BETTER else theirs - ours
    return round(worse, places)


def _claims(judged):
    """The claims in a few words by verdict; the table is named where two differ."""
    verdicts = {}
    for claim, _ in judged:
        verdicts.setdefault(claim.number, set()).add(claim.verdict)
    lines = []
    for verdict in judging.VERDICTS:
        texts = []
        for claim, title in judged:
            if claim.verdict != verdict:
                continue
            where = f"{title}: " if len(verdicts[claim.number]) > 1 else ""
            told = f"{where}{claim.score}" if claim.score else title if where else ""
            texts.append(f"  - {claims.in_short(claim, told)}")
        if texts:
            lines += [f"- {verdict}:", *dict.fromkeys(texts)]
    return "\n".join(
        [
            "The [paper's claims](#the-papers-claims), judged strictly by the runs so "
            "far:",
            "",
            *lines,
        ]
    )
