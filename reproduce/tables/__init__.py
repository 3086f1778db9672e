"""Tables 1 and 2 beside the published numbers, and the paper's claims.

`cells` averages runs, `claims` judges the paper's sentences, `render` writes text, and
`__main__` is the command. How a number reaches a table: `run.metrics` (one scene),
`run.summaries` (the test set), `records.frame` (all runs), `cells`, `render`.
"""
