"""The experiments: configurations, single runs, tables, figures and commands.

Importing this package imports no TensorFlow; only `reproduce.build`,
`reproduce.training` and what they import do.
"""
