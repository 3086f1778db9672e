"""The experiments: options, single runs, records, tables, figures and commands.

Importing this package does not import TensorFlow. The modules that need it are
`export.programs` and, in `run`, `build`, `evaluation`, `trained` and `training`.
"""

import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
