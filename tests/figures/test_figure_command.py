"""The figures' command: which runs it draws, and where the pictures go."""

import made_up
import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from reproduce import command_line, launch
from reproduce.figures import __main__ as command
from reproduce.figures import curves, panels
from reproduce.records import folders, frame
from reproduce.tables import cells

METHODS = ("air", "pprior", "asr")


def call(results, *words):
    argv = ["--results", str(results), *words]
    return command_line.main(command.define, command.body, "", argv)


def test_the_first_seed_that_has_a_record_is_drawn(tmp_path, monkeypatch):
    drawn, draw = [], panels.draw
    monkeypatch.setattr(panels, "draw", lambda b: drawn.append(b) or draw(b))
    for seed in (2, 1):
        arrays = made_up.figure(seed=seed)
        made_up.write(tmp_path, "table1/asr-13", seed=seed, figure=arrays)
    call(tmp_path, "--figure", "3", "--methods", "asr")
    shown = drawn[0][1][1][0][0].image
    np.testing.assert_array_equal(shown, made_up.figure(seed=1)["reconstructions"][0])


def test_pictures_never_train_unasked(tmp_path, monkeypatch, capsys):
    def train(commands, *_):
        return pytest.fail("trained") if commands else 0

    monkeypatch.setattr(launch.processes, "train", train)
    made_up.write(tmp_path, "table1/air-13", figure=made_up.figure())
    assert call(tmp_path, "--figure", "3") == 0
    assert (
        "no run yet: AIR-pPrior-13, AIR-ASR-13; made by: bash"
        in capsys.readouterr().out
    )
    assert call(tmp_path, "--figure", "5") == 2
    assert "no run has a record yet; made by:" in capsys.readouterr().err


def test_a_part_goes_to_the_outputs(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "OUTPUTS", tmp_path / "outputs")
    made_up.write(tmp_path, "table1/air-14", figure=made_up.figure())
    call(tmp_path, "--figure", "3", "--settings", "14")
    assert (tmp_path / "figures/figure3-14.png").exists()
    call(tmp_path, "--figure", "3", "--settings", "14", "--methods", "air")
    assert (tmp_path / "outputs/figures/figure3-14.png").exists()


def test_a_setting_of_another_figure_is_refused(tmp_path, capsys):
    assert call(tmp_path, "--figure", "4", "--settings", "13") == 2
    error = "--settings: '13' is not one of figure 4; allowed: mnist, dsprites"
    assert error in capsys.readouterr().err


def test_a_damaged_picture_file_is_named(tmp_path, capsys):
    folder = made_up.write(tmp_path, "table1/air-13", figure=made_up.figure())
    (folder / "figure.npz").write_bytes(b"PK\x03\x04 damaged")
    assert call(tmp_path, "--figure", "3") == 2
    error = capsys.readouterr().err
    assert "paper-300ep-seed0/figure.npz: damaged" in error and error.count("\n") == 1


def curve(tmp_path, *nelbos, epochs=5):
    """The picture of AIR-ASR-13's runs with these last nELBOs; its frames."""
    for seed, nelbo in enumerate(nelbos):
        made_up.write(tmp_path, "table1/asr-13", seed=seed, epochs=epochs, nelbo=nelbo)
    frames = frame.load(tmp_path)
    return curves.draw(cells.select(frames.runs), frames.epochs)


def test_a_curve_is_the_mean_over_seeds_with_its_deviation(tmp_path):
    axis = curve(tmp_path, 300.0, 310.0).axes[0]
    (line,) = [line for line in axis.lines if line.get_label() == "AIR-ASR"]
    np.testing.assert_array_equal(line.get_xdata(), range(1, 6))
    np.testing.assert_allclose(line.get_ydata(), [309.0, 308.0, 307.0, 306.0, 305.0])
    (band,) = [c for c in axis.collections if isinstance(c, PolyCollection)]
    band = band.get_paths()[0].vertices
    inside = band[np.isclose(band[:, 0], 5)][:, 1]
    np.testing.assert_allclose(
        [inside.min(), inside.max()], 305 + 50**0.5 * np.array([-1, 1])
    )
