"""The training of runs as XLA programs that need no TensorFlow.

    python -m reproduce.export --experiment table1/asr-13 --seeds 0,1,2 --out DIR

writes them; `python -m reproduce.run_exported DIR` runs them on any machine that has
JAX. `programs` needs TensorFlow, `folder` and `runtime` do not.
"""
