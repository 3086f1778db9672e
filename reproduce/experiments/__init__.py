"""What is run: every option of a run, the presets, the paper's grid and its numbers.

Needs no TensorFlow, and of the rest of `reproduce` imports only its errors and flags.
"""
