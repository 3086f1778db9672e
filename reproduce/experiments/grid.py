"""The cells of the paper's two tables: what they are called and in which order."""

from data import DATASETS
from reproduce.errors import UsageError
from reproduce.experiments.presets import METHODS, TABLE1_SETTINGS, TABLE2_SETTINGS

TITLES = {"table1": "Table 1", "table2": "Table 2"}
SETTINGS = {"table1": tuple(TABLE1_SETTINGS), "table2": tuple(TABLE2_SETTINGS)}


def parts(experiment):
    """Table, method and setting of an experiment such as "table1/asr-13"."""
    table, name = experiment.split("/")
    return table, *name.split("-", 1)


def experiments(table=None, methods=METHODS, settings=None):
    """Experiments of a table or of both, in the order of the paper's rows.

    Raises:
      UsageError: if a setting is not one of the table's.
    """
    if table is None:
        return [experiment for name in SETTINGS for experiment in experiments(name)]
    for setting in settings or ():
        if setting not in SETTINGS[table]:
            allowed = ", ".join(SETTINGS[table])
            fault = f"--settings: {setting!r} is not one of {table}; allowed: {allowed}"
            raise UsageError(fault)
    chosen = [s for s in SETTINGS[table] if settings is None or s in settings]
    return [f"{table}/{m}-{s}" for s in chosen for m in METHODS if m in methods]


def scenes(setting):
    """A setting's scenes in words: "1 or 3 digits", "Multi-dSprites"."""
    if setting in TABLE2_SETTINGS:
        return DATASETS[TABLE2_SETTINGS[setting]].title
    return f"{' or '.join(map(str, TABLE1_SETTINGS[setting]))} digits"


def label(experiment):
    """A row's name as in the paper: "AIR-ASR-13"; in Table 2 "AIR-ASR"."""
    table, method, setting = parts(experiment)
    return METHODS[method] + (f"-{setting}" if table == "table1" else "")


def full_label(experiment):
    """A row's name where the setting is not told beside it: "AIR (Multi-MNIST)"."""
    table, _, setting = parts(experiment)
    where = f" ({scenes(setting)})" if table == "table2" else ""
    return label(experiment) + where
