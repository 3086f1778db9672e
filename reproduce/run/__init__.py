"""A single run: from its options to its record, trained by Keras's own `fit`.

python -m reproduce.run --experiment table1/asr-13 --seed 0 --epochs 300
"""
