"""The training program exported once by TensorFlow, run anywhere by PJRT.

`functions` and `lowering` need TensorFlow and write a folder of programs; all
other modules read it and import neither TensorFlow nor Keras: the machine that
trains needs NumPy, SciPy and JAX.
"""
