"""The experiments: configurations, single runs, tables, figures and commands.

Importing this package imports no TensorFlow. Of its modules only `build`, `evaluation`,
`training`, `trained` and, of `exported`, `adam`, `functions` and `lowering` do so.
"""
