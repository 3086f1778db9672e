"""The cells of the paper's two tables: what they are called and in what order."""

from data import DATASETS

METHODS = {"air": "AIR", "pprior": "AIR-pPrior", "asr": "AIR-ASR"}
TABLE1_SETTINGS = {"13": (1, 3), "14": (1, 4), "24": (2, 4)}
TABLE2_SETTINGS = {"mnist": "multi_mnist", "dsprites": "multi_dsprites"}
TITLES = {"table1": "Table 1", "table2": "Table 2"}
SETTINGS = {"table1": tuple(TABLE1_SETTINGS), "table2": tuple(TABLE2_SETTINGS)}


def parts(experiment):
    """Table, method and setting of an experiment such as "table1/asr-13"."""
    table, name = experiment.split("/")
    return table, *name.split("-", 1)


def experiments(table=None, methods=METHODS, settings=None):
    """Experiments of one table, or of both, in the order of the paper's rows."""
    if table is None:
        return [experiment for name in SETTINGS for experiment in experiments(name)]
    kept = [s for s in SETTINGS[table] if settings is None or s in settings]
    return [f"{table}/{m}-{s}" for s in kept for m in METHODS if m in methods]


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
    """A row's name where nothing else names the setting: "AIR (Multi-MNIST)"."""
    table, _, setting = parts(experiment)
    dataset = f" ({scenes(setting)})" if table == "table2" else ""
    return label(experiment) + dataset
