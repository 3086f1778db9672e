"""The README's Python examples run as they are printed, at toy size."""

import re

import keras
import numpy as np
import pytest

import air
import data
from reproduce import files

README = (files.REPOSITORY / "README.md").read_text("utf-8")
SHRINK = {"epochs=10": "epochs=1", "model.keras": "{folder}/model.keras"}


def examples():
    """The README's Python blocks."""
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.slow
def test_the_examples_run(tmp_path, monkeypatch):
    """40,000 images are cut to two batches; the model is of full size."""
    load = data.load

    def few(specification, **options):
        scenes = load(specification, **options)
        return scenes._replace(
            train=scenes.train._replace(images=scenes.train.images[:128])
        )

    monkeypatch.setattr(data, "load", few)
    code = "\n".join(examples())
    for long, short in SHRINK.items():
        assert long in code
        code = code.replace(long, short.format(folder=tmp_path))
    names = {}
    exec(code, names)
    assert names["samples"]["images"].shape == (16, 50, 50)
    again = keras.models.load_model(tmp_path / "model.keras")
    scenes = again.predict(names["images"])
    np.testing.assert_array_equal(scenes["boxes"], names["scenes"]["boxes"])


def test_a_model_with_the_readme_s_constraint_is_saved_and_loaded(tmp_path):
    names = {}
    exec("import air, asr, keras\n" + examples()[1], names)
    sizes = air.Sizes(appearance=4, window=8, lstm=16, encoder=(16,), head=8)
    model = air.AIR(
        steps=3,
        prior=air.LearnedPrior(infers_presence=False, sizes=sizes),
        regulariser=names["regulariser"],
        estimator=air.FixedCountEstimator(),
        sizes=sizes,
    )
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert "left_to_right" in again.trackers
