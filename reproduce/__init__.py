"""The experiments: options, single runs, records, tables, figures and commands.

Importing this package imports no TensorFlow. Of its modules only `export.programs` and,
of `run`, `build`, `evaluation`, `trained` and `training` do so.
"""

import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
