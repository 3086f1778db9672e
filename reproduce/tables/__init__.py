"""Tables 1 and 2 beside the published numbers, and the paper's claims.

`cells` averages runs, `claims` judges the paper's sentences, `render` writes text,
`__main__` is the command. A number's way into a table: `run.metrics` (of scenes),
`run.summaries` (of the test set), `records.frame` (all runs), `cells` and `render`.
"""
