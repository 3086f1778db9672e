"""The README's Python examples run as they are printed, at toy size."""

import re

import keras
import numpy as np
import pytest

import air
import data
from reproduce import checkpoint, files
from reproduce.configuration import preset_configuration

README = (files.REPOSITORY / "README.md").read_text("utf-8")
SHRINK = {
    "epochs=10": "epochs=1",
    "epochs=5": "epochs=1",
    "model.keras": "{folder}/model.keras",
}


def examples():
    """The README's Python blocks but the one that needs a trained run."""
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert "trained_model" in blocks[0]
    return blocks[1:]


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
    assert "left_to_right" in names["constrained"].history.history
    number = few(names["scene_specification"](names["number"]))
    scenes = again.predict(number.train.images)
    np.testing.assert_array_equal(scenes["boxes"], names["scenes"]["boxes"])


def test_the_checkpoint_is_that_of_the_run_before_it():
    words, seed, epochs = re.search(
        r"reproduce\.run --experiment (\S+) --seed (\d+) --epochs (\d+)", README
    ).groups()
    run = preset_configuration(words, seed=int(seed), epochs=int(epochs))
    assert f'trained_model("{checkpoint.folder_of("checkpoints", run)}")' in README


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
