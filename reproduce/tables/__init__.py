"""Tables 1 and 2 beside the published numbers, and the paper's claims.

`cells` averages runs, `claims` judges the paper's claims, `render` writes text,
`__main__` is the command.
"""
