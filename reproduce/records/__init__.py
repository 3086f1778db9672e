"""The results of the runs: records on disk, and all of them as two data frames.

Needs no TensorFlow.
"""
