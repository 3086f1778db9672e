"""Prints a table of the paper from its run records, training cells that have none.

    python -m reproduce.tables --table table1

is what `bash reproduce/table1.sh` runs. Both presets are shown beside the published
numbers; `--preset` shows only one, and selects the one to train. By default only cells
of `paper` that have no record are trained; with --epochs, what is missing at that
length. The table is written to `results/`; a part of it, selected by --methods,
--settings, --seeds, --epochs or --preset, to `outputs/`. Training can be interrupted:
the same command resumes it.
"""

import sys

from reproduce import command_line, launch, pages, weights
from reproduce.errors import UsageError
from reproduce.experiments import grid
from reproduce.experiments.grid import METHODS
from reproduce.flags import choice, comma_list, switch
from reproduce.tables import cells, claims, render

PART = ("methods", "settings", "seeds", "epochs", "preset")


def define(flags):
    """The command's flags."""
    settings = choice(*(s for table in grid.SETTINGS.values() for s in table))
    flags.group("What to show")
    flags.add("table", choice(*grid.TITLES), "table1", "which table")
    flags.add("methods", comma_list(choice(*METHODS)), tuple(METHODS), "rows to show")
    help_text = "13, 14, 24 of table1; mnist, dsprites of table2"
    flags.add("settings", comma_list(settings), None, help_text)
    help_text = "check the weights in results/weights/ against their records and exit"
    flags.add("verify", switch(), False, help_text)
    launch.define(flags)


def body(values):
    """Runs the command; returns the exit code."""
    name, smoke = values.table, values.smoke
    for setting in values.settings or ():
        if setting not in (allowed := grid.SETTINGS[name]):
            message = f"--settings: {setting!r} is not one of {name}"
            raise UsageError(f"{message}; allowed: {', '.join(allowed)}")
    call = launch.Call(values, name, PART)
    if values.verify:
        return 0 if weights.verify(name, call.results, values.mnist) else 1
    experiments = grid.experiments(name, values.methods, values.settings)
    runs = call.runs(experiments, call.seeds(values.seeds))
    if call.lists_or_is_one(runs):
        return 0
    to_train = call.to_train(runs)
    if values.train is None and not call.retrains:
        if values["epochs"].present:
            to_train = call.missing(runs)
        elif values.preset == "paper":
            to_train = call.untouched(runs)
    code = call.train(to_train)
    frames = call.frames()
    selected = cells.select(
        frames.runs[frames.runs.experiment.isin(experiments)],
        values.digits,
        smoke,
        **call.shown,
    )
    one_preset = values["preset"].present or smoke
    presets = (values.preset,) if one_preset else cells.PRESETS
    table = cells.cells(selected, experiments, presets)
    judged = claims.judge(name, selected, frames.epochs, presets)
    if call.selects() or smoke:  # a part leaves most claims undecided
        judged = [verdict for verdict in judged if verdict.decided]
    without = ("seeds", "epochs") if smoke else ("seeds", "epochs", "smoke")
    command = f"{call.repeat_command(without)} --train"
    page = pages.template("tables/table.md.j2").render(
        name=name,
        title=render.TITLES[name],
        table=render.markdown(name, table),
        legend=render.legend(table, f"`{command}`"),
        judged=judged,
    )
    keys = (*cells.JSON, "published")
    content = {
        "rows": [{key: cell[key] for key in keys} for cell in table],
        "claims": [verdict.to_json() for verdict in judged],
    }
    shown = render.terminal(name, table, judged, command)
    call.write(call.file(name), shown, page, content)
    return code


if __name__ == "__main__":
    sys.exit(command_line.main(define, body, __doc__))
