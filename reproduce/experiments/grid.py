"""The cells of the paper's two tables: what they are called and in which order."""

from reproduce.errors import UsageError
from reproduce.experiments.configuration import experiments
from reproduce.experiments.presets import METHODS, TABLE1_SETTINGS, TABLE2_SETTINGS

TITLES = {"table1": "Table 1", "table2": "Table 2"}
SETTINGS = {"table1": tuple(TABLE1_SETTINGS), "table2": tuple(TABLE2_SETTINGS)}
DATASETS = {"mnist": "Multi-MNIST", "dsprites": "Multi-dSprites"}


def scenes(setting):
    """A setting's scenes in words: "1 or 3 digits", "Multi-dSprites"."""
    if setting in DATASETS:
        return DATASETS[setting]
    return f"{' or '.join(map(str, TABLE1_SETTINGS[setting]))} digits"


def label(experiment):
    """A row's name as in the paper: "AIR-ASR-13"; in Table 2 "AIR-ASR"."""
    table, name = experiment.split("/")
    method, setting = name.split("-", 1)
    suffix = f"-{setting}" if table == "table1" else ""
    return METHODS[method] + suffix


def table_experiments(table, methods=tuple(METHODS), settings=None):
    """The experiments of a table, in the order of the paper's rows.

    Args:
      table: "table1" or "table2".
      methods: any of "air", "pprior", "asr".
      settings: any of `SETTINGS[table]`; None for all.

    Raises:
      UsageError: if a setting is not one of the table's.
    """
    allowed = SETTINGS[table]
    settings = allowed if settings is None else settings
    for setting in settings:
        if setting not in allowed:
            raise UsageError(
                f"--settings: {setting!r} is not one of {table}; "
                f"allowed: {', '.join(allowed)}"
            )
    chosen = {f"{table}/{m}-{s}" for m in methods for s in settings}
    return [experiment for experiment in experiments() if experiment in chosen]
