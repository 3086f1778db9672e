"""From a configuration to the scenes it trains on."""

import data


def scene_specification(configuration):
    """The `data.SceneSpecification` of a run."""
    return data.SceneSpecification(
        dataset=configuration.dataset,
        counts=configuration.counts,
        canvas_side=configuration.canvas_side,
        object_scale=configuration.object_scale,
        separation=configuration.separation,
        train_images=configuration.train_images,
        test_images=configuration.test_images,
        digits=configuration.digits,
        seed=configuration.data_seed,
        test_split=configuration.test_split,
    )
