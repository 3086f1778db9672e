"""An export made up for tests of what reads one: no TensorFlow is needed."""

from reproduce import configuration
from reproduce.exported import manifest

RUN = configuration.preset_configuration("table1/asr-13", seed=1)
STATE = {"name": "0000", "shape": [3], "dtype": "float32", "glorot_uniform": None}
INTERFACE = {"arguments": [], "results": []}


def made_up(folder, smoke=False):
    """Writes an export with one run, whose programs are no programs; its folder."""
    described = dict.fromkeys(manifest.KEYS) | {"state": [STATE], "smoke": smoke}
    for name in ("programs", "initial", "runs"):  # which `write` gives
        del described[name]
    programs = {name: (b"program", INTERFACE) for name in manifest.PROGRAMS}
    runs = [{"configuration": RUN.to_json(), "parts": ["loss"]}]
    manifest.write(folder, described, programs, {}, runs)
    return folder
