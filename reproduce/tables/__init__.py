"""Tables 1 and 2 beside the published numbers, the paper's claims, and comparisons.

`cells` selects the runs that a cell averages, `claims` judges the paper's sentences,
`render` writes text, `__main__` is the command of the two tables; `declared` names the
rows of the comparisons, `comparisons` is their command.
"""
