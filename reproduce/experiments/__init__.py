"""What is run: every option of a run, the presets, the paper's grid and its numbers.

Needs no TensorFlow, and imports nothing else of `reproduce` but its errors and flags.
"""
