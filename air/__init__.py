"""The generative family: AIR and AIR-pPrior as Keras models."""

from air.concrete import ConcreteEstimator
from air.elbo import ExactEstimator, FixedCountEstimator
from air.model import AIR
from air.prior import FixedPrior, LearnedPrior
from air.shapes import Sizes

__all__ = [
    "AIR",
    "ConcreteEstimator",
    "ExactEstimator",
    "FixedCountEstimator",
    "FixedPrior",
    "LearnedPrior",
    "Sizes",
]
