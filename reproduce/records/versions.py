"""Versions of the code's numbers, and what older records and checkpoints mean."""

# Raised with each change of the code that alters a run's numbers by more than the order
# of summation. A record without a version is of the first; a run continues only from
# checkpoints whose numbers are still today's.
NUMERICS = 3
# Which runs each version changed, by their options.
_TOUCHED = {
    2: lambda options: True,
    3: lambda options: options["compiler"] == "none",  # no more constant folding
}
# What the first version did before it had these options; F6's bounds depend on the
# dataset.
_FIRST = {
    "hidden_sees_location": False,
    "early_end": True,  # in Table 1's AIR-ASR alone
    "sampler": "hat",
    "compiler": "xla",
    "bounds": True,
    "encoder_outputs": "joint",
    "nonfinite_gradients": "stop",
    "precision": "float32",
    "presence_slope": "exact",
    "training_floor": 1e-10,
}
_FIRST_SIDES = {"multi_mnist": (11.0, 15.0), "multi_dsprites": (12.0, 15.0)}
# Options that were added without a change of the numerics.
_ADDED = {
    "constraint_weight": 1.0,
    **dict.fromkeys(("scenes", "scenes_digest", "constraint", "constraint_digest")),
    **dict.fromkeys(("model", "model_digest")),
}


def completed(options, numerics=NUMERICS):
    """All of today's options for those that this or an older version wrote, a dict.

    Options that were added later get the values that describe the older code.
    """
    if numerics == 1:
        sides = _FIRST_SIDES.get(options.get("dataset"), (None, None))
        bounds = dict(zip(("side_minimum", "side_maximum"), sides, strict=True))
        options = {**_FIRST, **bounds, **options}
    return {**_ADDED, **options}


def changed_since(numerics, options):
    """Whether today's code gives a run with these options other numbers."""
    later = [changes for version, changes in _TOUCHED.items() if version > numerics]
    return any(changes(options) for changes in later)


def stale(record):
    """Whether a record was made by older code, whose numbers differ from today's."""
    return changed_since(record["numerics"], record["configuration"])
