"""Amortised structural regularisation: constraints on q(z, n | x) as penalties.

Independent of any model. A model describes its recognition model's q by a
`Posterior`; a `Regulariser` sums weighted constraints over it (equation 11).
"""

from asr.constraint import Constraint, ConstraintError, Functional
from asr.number import (
    AllowedCount,
    MarginalCount,
    UnaryAllowedCount,
    UnaryMarginalCount,
    number_regulariser,
)
from asr.overlap import (
    BoundedSide,
    InsideCanvas,
    PairOverlap,
    SideDifference,
    overlap_regulariser,
)
from asr.posterior import Posterior
from asr.regulariser import Regulariser

__all__ = [
    "AllowedCount",
    "BoundedSide",
    "Constraint",
    "ConstraintError",
    "Functional",
    "InsideCanvas",
    "MarginalCount",
    "PairOverlap",
    "Posterior",
    "Regulariser",
    "SideDifference",
    "UnaryAllowedCount",
    "UnaryMarginalCount",
    "number_regulariser",
    "overlap_regulariser",
]
