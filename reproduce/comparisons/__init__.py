"""Comparisons: one experiment run again with a few options changed, as declared rows.

pages.toml declares the rows of ablations, sensitivity and the example of a constraint
of one's own; `rows` finds their runs in the frames; `__main__` is the command.
"""
