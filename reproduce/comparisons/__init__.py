"""Comparisons: one experiment run again with a few options changed, as declared rows.

pages.toml declares the pages and their rows; `rows` finds their runs in the frames;
`__main__` is the command.
"""
