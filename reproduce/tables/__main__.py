"""Prints a table of the paper from its run records, training what has none.

    python -m reproduce.tables --table table1

is what `bash reproduce/table1.sh` runs. Both presets stand beside the published
numbers; `--preset` shows one alone and says which is trained. Only `paper` is trained
unasked, by the rules of `launch.to_train`. The table is written to `results/`; a part
of it, selected by one of the flags `PART`, to `outputs/`.
"""

import sys

from reproduce import command_line, launch
from reproduce.experiments import grid
from reproduce.experiments.presets import METHODS
from reproduce.tables import calls, cells, claims, render

DESCRIPTION = (
    "Prints a table of the paper from its run records beside the published numbers. "
    "Cells that have no record at all are trained first. Training can be interrupted: "
    "the same command goes on."
)
PART = ("methods", "settings", "seeds", "epochs", "preset")
PRESETS = ("released", "paper")  # the order of a cell's lines


def define(flags):
    """The command's flags."""
    settings = [s for table in grid.SETTINGS.values() for s in table]
    flags.group("What to show")
    flags.add("table", flags.word(grid.TITLES), "table1", "which table")
    every = tuple(METHODS)
    flags.add("methods", flags.several(flags.word(every)), every, "rows to show")
    text = "13, 14, 24 of table1; mnist, dsprites of table2"
    flags.add("settings", flags.several(flags.word(settings)), None, text)
    launch.define(flags)


def body(values):
    """Runs the command; returns the exit code."""
    protocol = launch.protocol_from(values)
    seeds = launch.seeds_from(values)
    experiments = grid.table_experiments(values.table, values.methods, values.settings)
    runs = launch.runs(experiments, seeds)
    if launch.listed_or_run(values, runs, protocol):
        return 0
    asked = values.train or protocol.retrain or values["epochs"].present
    unasked = protocol.preset == "paper"
    wanted = launch.to_train(values, runs, protocol) if asked or unasked else []
    code = launch.train(values, wanted, protocol)
    selected = cells.select(
        calls.frames_of(protocol).runs,
        protocol.digits,
        protocol.smoke,
        seeds if values["seeds"].present else None,
        protocol.epochs if values["epochs"].present else None,
    )
    selected = selected[selected.experiment.isin(experiments)]
    alone = values["preset"].present or protocol.smoke
    presets = (protocol.preset,) if alone else PRESETS
    table = cells.cells(selected, experiments, presets)
    judged = [
        v for preset in presets for v in claims.judge(values.table, selected, preset)
    ]
    if calls.selects(values, PART) or protocol.smoke:
        # What a part cannot tell would only be noise.
        judged = [v for v in judged if v.verdict != claims.UNDECIDED]
    without = ("seeds", "epochs", "smoke")
    command = f"{calls.call_of(values, values.table, without)} --train"
    render.say(render.terminal(values.table, table, judged, command))
    page = render.template("tables/table.md.j2").render(
        name=values.table,
        title=render.TITLES[values.table],
        table=render.markdown(values.table, table),
        legend=render.legend(table, f"`{command}`"),
        claims=render.by_claim(judged),
    )
    verdicts = [verdict.to_json() for verdict in judged]
    content = {"rows": cells.json_rows(table), "claims": verdicts}
    calls.write(calls.file_of(values, protocol, values.table, PART), page, content)
    return code


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, DESCRIPTION))
