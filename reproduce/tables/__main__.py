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
    protocol, name = launch.protocol_from(values), values.table
    experiments = grid.table_experiments(name, values.methods, values.settings)
    runs = launch.runs(experiments, launch.seeds_from(values))
    if launch.listed_or_run(values, runs, protocol):
        return 0
    asked = values.train or protocol.retrain or values["epochs"].present
    unasked = protocol.preset == "paper"
    wanted = launch.to_train(values, runs, protocol) if asked or unasked else []
    code = launch.train(values, wanted, protocol)
    runs = calls.frames_of(protocol).runs
    chosen = (calls.given(values, flag) for flag in ("seeds", "epochs"))
    selected = cells.select(
        runs[runs.experiment.isin(experiments)],
        protocol.digits,
        protocol.smoke,
        *chosen,
    )
    alone = values["preset"].present or protocol.smoke
    presets = (protocol.preset,) if alone else cells.PRESETS
    table = cells.cells(selected, experiments, presets)
    judged = [v for preset in presets for v in claims.judge(name, selected, preset)]
    if calls.selects(values, PART) or protocol.smoke:
        # What a part cannot tell would only be noise.
        judged = [v for v in judged if v.verdict != claims.UNDECIDED]
    without = ("seeds", "epochs") if protocol.smoke else ("seeds", "epochs", "smoke")
    command = f"{calls.call_of(values, name, without)} --train"
    page = render.template("tables/table.md.j2").render(
        name=name,
        title=render.TITLES[name],
        table=render.markdown(name, table),
        legend=render.legend(table, f"`{command}`"),
        claims=render.by_claim(judged),
    )
    verdicts = [verdict.to_json() for verdict in judged]
    content = {"rows": cells.json_rows(table), "claims": verdicts}
    file = calls.file_of(values, protocol, name, PART)
    calls.write(file, render.terminal(name, table, judged, command), page, content)
    return code


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, DESCRIPTION))
