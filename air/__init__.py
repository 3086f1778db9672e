"""The generative family: AIR and AIR-pPrior as Keras models."""

from air import backend  # noqa: F401 (before anything that imports Keras)
from air.concrete import ConcreteEstimator
from air.elbo import (
    ElboInputs,
    Estimator,
    ExactEstimator,
    FixedCountEstimator,
    LikelihoodInputs,
)
from air.latents import Latents, ObjectDistributions
from air.likelihood import BernoulliLikelihood, Likelihood
from air.model import AIR
from air.prior import FixedPrior, LearnedPrior, Prior
from air.released import ClippedCornersSampler, ReleasedLikelihood
from air.shapes import Sizes
from air.spatial_transformer import HatSampler, Sampler
from air.steps import NonFiniteError

__all__ = [
    "AIR",
    "BernoulliLikelihood",
    "ClippedCornersSampler",
    "ConcreteEstimator",
    "ElboInputs",
    "Estimator",
    "ExactEstimator",
    "FixedCountEstimator",
    "FixedPrior",
    "HatSampler",
    "Latents",
    "LearnedPrior",
    "Likelihood",
    "LikelihoodInputs",
    "NonFiniteError",
    "ObjectDistributions",
    "Prior",
    "ReleasedLikelihood",
    "Sampler",
    "Sizes",
]
