"""The training of runs as XLA programs that need no TensorFlow.

`programs` exports them and needs TensorFlow; `folder` and `runtime`, which read and run
them, do not.
"""
