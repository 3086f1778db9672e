"""Comparisons of an experiment with variants of it in which a few options differ.

pages.toml declares the pages and their rows; `rows` finds the runs of each row;
`__main__` is the command.
"""
