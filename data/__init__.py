"""Scenes of several objects: source objects, synthesis, cache, and data order.

Needs NumPy, SciPy and filelock, Matplotlib where digits are rendered, and Pillow where
pictures are read (`data.pictures`). Importing it imports neither TensorFlow nor
Matplotlib. The usual entry point is `load`:

    specification = SceneSpecification(
        dataset="multi_mnist", counts=(1, 3), canvas_side=50, object_scale=1.0,
        separation="ink", train_images=40000, test_images=2000, digits="mnist")
    scenes = load(specification)
    scenes.train.images  # uint8 [40000, 50, 50]
"""

from data.cache import load
from data.datasets import DATASETS, Dataset, Source
from data.errors import DataError
from data.mnist import load_mnist
from data.order import epoch_order
from data.rendered_digits import render_digits
from data.scenes import Scenes, SceneSet, synthesise
from data.specification import SceneSpecification
from data.sprites import Sprites, render_sprites
from data.statistics import describe, nearest_pair_distances

__all__ = [
    "DATASETS",
    "DataError",
    "Dataset",
    "SceneSet",
    "SceneSpecification",
    "Scenes",
    "Source",
    "Sprites",
    "describe",
    "epoch_order",
    "load",
    "load_mnist",
    "nearest_pair_distances",
    "render_digits",
    "render_sprites",
    "synthesise",
]
