"""The report's first lines: how far the runs are, and where they stand.

Each number of the tables is set against the published one: better or equal, worse
by no more than `DEVIATIONS` published standard deviations, or worse by more.
"""

from reproduce import judging, published, records, render

DEVIATIONS = 2  # a choice of this project
VERDICTS = (judging.HOLDS, judging.FAILS, judging.UNDECIDED)


def markdown(found, tables, judged):
    """The section "In short".

    Args:
      found: records of all runs of the tables' experiments.
      tables: the tables' cells, lists of `cells.Cell` by name.
      judged: all claims in the order of their numbers, pairs of a `judging.Claim`
        and its table's title.
    """
    cells = [cell for table in tables.values() for cell in table]
    parts = [_state(found, cells), _claims(judged), _against_paper(cells)]
    return "\n\n".join(["## In short", *(part for part in parts if part)])


def _state(found, cells):
    full = sum(
        r["epochs"] >= published.EPOCHS
        and r["variant"] == "paper"
        and r["seed"] in published.SEEDS
        and r["status"] == records.COMPLETE
        for r in found
    )
    hours = sum(r["wall_seconds"] for r in found) / 3600
    return (
        f"Of the {len(cells) * published.RUNS} runs of Tables 1 and 2 at the "
        f"paper's protocol ({published.EPOCHS} epochs, seeds 0 to 2), {full} are done; "
        "the others are shorter, or missing, and the tables mark them. All "
        f"{len(found)} runs here took {hours:.1f} hours."
    )


def _against_paper(cells):
    """How many of each method's means are better or worse than published; the worst."""
    counts, far = {}, []
    for cell in cells:
        if not cell.complete or cell.smoke:
            continue
        worse = []
        for metric, (mean, std) in published.published(cell.experiment).items():
            behind = _behind(cell, metric, mean)
            place = 0 if behind <= 0 else 1 if behind <= DEVIATIONS * std else 2
            counts.setdefault(cell.method, [0, 0, 0])[place] += 1
            if place == 2:
                ours = f"{published.TITLES[metric]} {render.value(cell, metric)}"
                theirs = render.published_value(cell, metric)
                worse.append(f"{ours} (published {theirs})")
        if worse:
            far.append(f"- {cell.label}: {', '.join(worse)}")
    if not counts:
        return ""
    lines = [
        "How many of the tables' numbers are as published; deviations are those "
        "published. A baseline that is better than published is not reproduced either.",
        "",
        render.table_line(
            [
                "",
                "as good or better",
                f"worse by at most {DEVIATIONS} deviations",
                "worse by more",
            ]
        ),
        "|---|---:|---:|---:|",
    ]
    lines += [
        render.table_line([method, *map(str, places)])
        for method, places in counts.items()
    ]
    return "\n".join([*lines, "", "Worse by more:" if far else "", "", *far]).rstrip()


def _behind(cell, metric, theirs):
    """How far a cell's mean is worse than the published one, both as printed."""
    places = published.DECIMALS[cell.table][metric]
    better = round(theirs - cell.mean(metric), places)
    return -better if metric in published.LOWER_IS_BETTER else better


def _claims(judged):
    """The claims' numbers by verdict; the table is named where two tables differ."""
    verdicts = {}
    for claim, _ in judged:
        verdicts.setdefault(_number(claim), set()).add(claim.verdict)
    parts = []
    for verdict in VERDICTS:
        numbers = [
            _number(claim)
            + (f" ({title})" if len(verdicts[_number(claim)]) > 1 else "")
            for claim, title in judged
            if claim.verdict == verdict
        ]
        if numbers:
            parts.append(f"{verdict}: {', '.join(dict.fromkeys(numbers))}")
    return (
        "The [paper's claims](#the-papers-claims), judged by the runs so far: "
        f"{'; '.join(parts)}."
    )


def _number(claim):
    return claim.claim.split(".")[0]
