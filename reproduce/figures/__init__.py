"""Pictures from run records alone: Figures 3 to 5 of the paper, and learning curves."""

import os

# Pictures go to files; a backend chosen by a notebook could fail on import.
os.environ["MPLBACKEND"] = "agg"
