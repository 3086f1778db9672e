"""Pictures from run records alone: Figures 3 to 5 of the paper, and learning curves."""

import os

# They go to files: a notebook's choice of a backend would only fail on import.
os.environ["MPLBACKEND"] = "agg"
