"""The report's first lines: how far the runs are, and where they stand.

Each number of the tables is set against the published one: better or equal, worse
by no more than `DEVIATIONS` published standard deviations, or worse by more.
"""

from reproduce import judging, published, records, render

DEVIATIONS = 2  # a choice of this project
VERDICTS = (judging.HOLDS, judging.FAILS, judging.UNDECIDED)


def markdown(found, tables, claims):
    """The section "In short".

    Args:
      found: records of all runs of the tables' experiments.
      tables: the tables' cells, lists of `cells.Cell` by name.
      claims: all claims, a list of `judging.Claim` in the order of their numbers.
    """
    cells = [cell for table in tables.values() for cell in table]
    points = [_state(found, cells), _against_paper(cells), _claims(claims)]
    lines = [f"- {point}" for point in points if point]
    return "\n".join(["## In short", "", *lines])


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
    """How many of our means are better or worse than published, and the worst."""
    better, near, far = 0, 0, {}
    for cell in cells:
        if not cell.complete or cell.smoke:
            continue
        for metric, (mean, std) in published.published(cell.experiment).items():
            behind = _behind(cell, metric, mean)
            if behind <= 0:
                better += 1
            elif behind <= DEVIATIONS * std:
                near += 1
            else:
                ours = f"{published.TITLES[metric]} {render.value(cell, metric)}"
                text = f"{ours} (published {render.published_value(cell, metric)})"
                far.setdefault(cell.label, []).append(text)
    worse = sum(map(len, far.values()))
    total = better + near + worse
    if not total:
        return ""
    end = ":" if far else "."
    lines = [
        f"Of {total} numbers, {better} are as good as published or better, {near} "
        f"worse by at most {DEVIATIONS} of the published standard deviations, and "
        f"{worse} worse by more{end}"
    ]
    lines += [f"  - {label}: {', '.join(texts)}" for label, texts in far.items()]
    return "\n".join(lines)


def _behind(cell, metric, theirs):
    """How far a cell's mean is worse than the published one, both as printed."""
    ours = round(cell.mean(metric), published.DECIMALS[cell.table][metric])
    return ours - theirs if metric in published.LOWER_IS_BETTER else theirs - ours


def _claims(claims):
    """The claims' numbers by verdict."""
    by_verdict = {verdict: [] for verdict in VERDICTS}
    for claim in claims:
        by_verdict[claim.verdict].append(claim.claim.split(".")[0])
    parts = [
        f"{verdict}: {', '.join(dict.fromkeys(numbers))}"
        for verdict, numbers in by_verdict.items()
        if numbers
    ]
    return f"The paper's claims, judged by these runs: {'; '.join(parts)}."
