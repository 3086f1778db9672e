"""How AIR-ASR depends on the weights lambda: the paper's search as declared runs.

    python -m reproduce.sensitivity --train --epochs 10

is what `bash reproduce/sensitivity.sh` runs. The paper searched the weights of the
number constraint in {1, 10, 100} and those of the overlap constraints in {1, 10,
20, 100} (section 6). Here the number's two weights form a full grid on AIR-ASR-13;
the overlap's four groups are varied one at a time from the chosen weights on
Multi-MNIST. A run with other weights is a variant of its own: it never enters
Table 1 or 2; the run with the chosen weights is the tables'.
"""

import collections
import itertools
import json
import sys

from reproduce import (
    cells,
    command_line,
    files,
    gather,
    grid,
    pool,
    published,
    records,
    table,
)
from reproduce.configuration import preset_configuration

DESCRIPTION = (
    "Prints AIR-ASR's metrics by the weights lambda that the paper searched, from run "
    "records. It trains only with --train, --retrain or --smoke."
)
SEARCHES = ("number", "overlap")
EXPERIMENTS = {"number": "table1/asr-13", "overlap": "table2/asr-mnist"}
OPTIONS = {
    "number": ("number_image_weight", "number_marginal_weight"),
    "overlap": (
        "overlap_weight",
        "inside_weight",
        "side_weight",
        "side_difference_weight",
    ),
}
SEARCHED = {"number": (1.0, 10.0, 100.0), "overlap": (1.0, 10.0, 20.0, 100.0)}
TITLES = {
    "number": ("Number of objects, AIR-ASR-13", ("λ1", "λ2")),
    "overlap": ("Overlap, AIR-ASR (multi-mnist)", ("λ1", "λ2 to λ5", "λ6", "λ7")),
}
METRICS = ("nelbo", "se", "acc", "miou")


def define(options):
    """The command's flags."""
    options.group("What to show")
    options.choices("searches", SEARCHES, "which weights", SEARCHES)
    table.define_protocol(options, seeds=(0,))


def body(values):
    """Runs the command; returns the exit code."""
    protocol = table.protocol_from(values)
    runs = [
        run
        for seed in values.seeds
        for search in values.searches
        for run in declared(search, seed, protocol.preset)
    ]
    if values.list:
        print("\n".join(grid.shell_line(run, protocol) for run in runs))
        return 0
    if values.index is not None:
        return table.run_one(runs, values.index, protocol)
    failures = []
    if values.train or protocol.retrain:
        ended = set() if protocol.retrain else _ended(runs, protocol)
        wanted = [run for run in runs if run not in ended]
        failures = table.train(values, protocol, wanted) if wanted else []
    epochs = protocol.epochs if values["epochs"].present else None
    found = {s: collect(s, values.seeds, protocol, epochs) for s in values.searches}
    part = tuple(values.searches) != SEARCHES or any(
        values[flag].present for flag in ("seeds", "epochs")
    )
    folder = files.OUTPUTS if part and not protocol.smoke else protocol.results
    file = folder / gather.variant_name("sensitivity", protocol)
    page = render(found)
    files.write_atomically(f"{file}.md", page)
    content = json.dumps(to_json(found), indent=1, ensure_ascii=False)
    files.write_atomically(f"{file}.json", content + "\n")
    print(page)
    print(f"written: {files.shown(file)}.md and .json")
    return gather.tell_failures(failures)


def weights(search, preset="paper"):
    """The points of a search: tuples of weights in the order of `OPTIONS`.

    The number's are the full grid; the overlap's are the chosen weights, and those
    that differ from them in one group.
    """
    if search == "number":
        return list(itertools.product(SEARCHED[search], repeat=2))
    chosen = _chosen(search, preset)
    points = {chosen}
    for group, value in itertools.product(range(len(chosen)), SEARCHED[search]):
        points.add((*chosen[:group], value, *chosen[group + 1 :]))
    return sorted(points)


def declared(search, seed, preset="paper"):
    """The runs of a search, list of `grid.Run`."""
    return [_run(search, point, seed, preset) for point in weights(search, preset)]


def collect(search, seeds, protocol, epochs=None):
    """The cell of each point, all of runs of one length.

    Args:
      search: "number" or "overlap".
      seeds: the seeds that count.
      protocol: a `grid.Protocol`.
      epochs: of the runs; None for the length that most runs have, the longest of
        several.

    Returns:
      A dict from each point to its `cells.Cell`, empty ones included.

    Raises:
      RecordError: if a record among them is damaged.
    """
    found = {
        point: _records(search, point, seeds, protocol)
        for point in weights(search, protocol.preset)
    }
    if epochs is None:
        lengths = collections.Counter(r["epochs"] for rs in found.values() for r in rs)
        epochs = max(lengths, key=lambda n: (lengths[n], n), default=None)
    collected = {}
    for point, all_records in found.items():
        chosen = [record for record in all_records if record["epochs"] == epochs]
        by_status = {
            status: tuple(r for r in chosen if r["status"] == status)
            for status in (records.COMPLETE, records.FAILED)
        }
        collected[point] = cells.Cell(
            EXPERIMENTS[search],
            protocol.preset,
            epochs if chosen else None,
            complete=by_status[records.COMPLETE],
            failed=by_status[records.FAILED],
            smoke=protocol.smoke,
        )
    return collected


def render(found):
    """The tables as a Markdown page."""
    page = ["# Sensitivity of AIR-ASR to the weights λ", ""]
    page.append(
        "The weights that the paper searched; in bold those it chose. nELBO and SE: "
        "lower is better; ACC and mIoU: higher is better. Mean ± standard deviation "
        "over seeds (ddof 1) where there are several. Written by "
        "`bash reproduce/sensitivity.sh`; `--train` trains what is missing."
    )
    for search, points in found.items():
        title, names = TITLES[search]
        metrics = [m for m in METRICS if m != "acc" or search == "number"]
        head = [*names, *(published.TITLES[m] for m in metrics), "epochs", "seeds"]
        page += ["", f"## {title}", "", _line(head), _line(["---:"] * len(head))]
        for point, cell in points.items():
            chosen = point == _chosen(search, cell.preset)
            mark = "**" if chosen else ""
            line = [f"{mark}{weight:g}{mark}" for weight in point]
            line += [_value(cell, metric) for metric in metrics]
            seeds = [str(seed) for seed in cell.seeds]
            seeds += [f"{seed} failed" for seed in cell.failed_seeds]
            line += [str(cell.epochs or "-"), ", ".join(seeds) or "-"]
            page.append(_line(line))
        shown = [record for cell in points.values() for record in cell.complete]
        missing = sum(not (cell.complete or cell.failed) for cell in points.values())
        notes = [gather.shortness(shown)] if shown else []
        if missing:
            notes.append(f"{pool.count_of(missing, 'cell')} missing: no run yet.")
        page += ["", *(note + "  " for note in notes if note)]
    return "\n".join(page).rstrip() + "\n"


def to_json(found):
    """The tables as plain JSON values: a list of rows for each search."""
    return {
        search: [
            {
                "experiment": cell.experiment,
                "weights": dict(zip(OPTIONS[search], point, strict=True)),
                "chosen": point == _chosen(search, cell.preset),
                "epochs": cell.epochs,
                "seeds": list(cell.seeds),
                "failed_seeds": list(cell.failed_seeds),
                "metrics": {
                    metric: {
                        "mean": cell.mean(metric),
                        "std": cell.std(metric),
                        "runs": cell.values(metric),
                    }
                    for metric in METRICS
                }
                if cell.complete
                else None,
            }
            for point, cell in points.items()
        ]
        for search, points in found.items()
    }


def _chosen(search, preset):
    """The weights of the preset itself."""
    configuration = preset_configuration(EXPERIMENTS[search], preset)
    return tuple(getattr(configuration, name) for name in OPTIONS[search])


def _run(search, point, seed, preset):
    named = zip(OPTIONS[search], point, _chosen(search, preset), strict=True)
    changes = tuple((name, value) for name, value, own in named if value != own)
    return grid.Run(EXPERIMENTS[search], seed, changes)


def _records(search, point, seeds, protocol):
    run = _run(search, point, seeds[0], protocol.preset)
    variant = grid.configuration(run, protocol).variant
    found = records.find(protocol.results, run.experiment, variant)
    chosen = [r for r in found.values() if r["seed"] in seeds]
    return sorted(
        (r for r in chosen if r["smoke"] == protocol.smoke), key=lambda r: r["seed"]
    )


def _ended(runs, protocol):
    """The runs that have a record of the protocol's length."""
    return {
        run
        for run in runs
        if records.find(
            protocol.results,
            run.experiment,
            grid.configuration(run, protocol).variant,
            protocol.epochs,
            run.seed,
        )
    }


def _value(cell, metric):
    if not cell.complete:
        return "failed" if cell.failed else "missing"
    places = published.DECIMALS["table1"][metric]
    text = f"{cell.mean(metric):.{places}f}"
    return (
        text if cell.std(metric) is None else f"{text} ± {cell.std(metric):.{places}f}"
    )


def _line(words):
    return "| " + " | ".join(words) + " |"


if __name__ == "__main__":
    from data import DataError

    sys.exit(command_line.main(define, body, None, DESCRIPTION, (DataError,)))
