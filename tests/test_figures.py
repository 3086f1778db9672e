"""Figures 3 to 5: drawn from records alone, the same bytes every time."""

import subprocess
import sys

import numpy as np
import picture_support
import pytest
from matplotlib.image import imread
from matplotlib.patches import Rectangle

from reproduce import (
    command_line,
    drawing,
    figures,
    files,
    grid,
    grid_command,
    kept_scenes,
    records,
)


def call(*words):
    return command_line.main(figures.define, figures.body, list(words))


@pytest.mark.parametrize(
    "figure, table_, setting, side",
    [("3", "table1", "13", 50), ("4", "table2", "mnist", 50)]
    + [("5", "table2", "dsprites", 64)],
)
def test_every_figure_is_drawn_twice_with_the_same_bytes(
    figure, table_, setting, side, results, capsys
):
    for method in ("air", "pprior", "asr"):
        picture_support.write(results, f"{table_}/{method}-{setting}", side=side)
    first = []
    for _ in range(2):
        assert call("--figure", figure, "--results", str(results)) == 0
        file = results / "figures" / f"figure{figure}"
        contents = [file.with_suffix(s).read_bytes() for s in (".png", ".pdf")]
        first = first or contents
    assert contents == first
    assert b"CreationDate" not in contents[1]
    assert "no run yet" not in capsys.readouterr().out
    assert imread(file.with_suffix(".png")).shape[1] > 2000  # pixels


def test_a_missing_model_is_named_with_its_command(results, capsys):
    picture_support.write(results, "table1/asr-13")
    assert call("--results", str(results)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "no run yet: AIR-13, AIR-pPrior-13; made by: bash reproduce/figure3.sh "
        f"--results {results} --train"
    )
    assert (results / "figures/figure3.png").exists()


@pytest.mark.parametrize(
    "figure, words",
    [("5", ""), ("3", "--methods asr --settings 14,24 --seeds 1 --epochs 7")]
    + [("4", "--preset released --digits rendered")],
)
def test_without_any_run_one_line_names_the_command(figure, words, results, capsys):
    """It trains the runs that this call would draw."""
    words = f"{words} --results {results}".strip()
    assert call("--figure", figure, *words.split()) == 2
    assert capsys.readouterr().err == (
        f"error: figure {figure}: no run has a record yet; made by: "
        f"bash reproduce/figure{figure}.sh {words} --train\n"
    )
    assert not any(results.iterdir())


def test_figure_4_of_sprites_has_a_picture_of_its_own(results, capsys):
    picture_support.write(results, "table2/asr-dsprites", side=64)
    words = ("--figure", "4", "--settings", "dsprites", "--results", str(results))
    assert call(*words) == 0
    names = sorted(p.name for p in (results / "figures").glob("*.png"))
    assert names == ["figure4-dsprites.png"]
    assert "figure4.sh --settings dsprites" in capsys.readouterr().out


def test_the_appendix_settings_have_pictures_of_their_own(results):
    for setting in ("13", "14", "24"):
        picture_support.write(results, f"table1/asr-{setting}")
    assert call("--settings", "13,14,24", "--results", str(results)) == 0
    names = sorted(p.name for p in (results / "figures").glob("*.png"))
    assert names == ["figure3-14.png", "figure3-24.png", "figure3.png"]


def test_a_chosen_seed_goes_to_outputs(results):
    for seed in (0, 1):
        picture_support.write(results, "table1/asr-13", seed)
    assert call("--seeds", "1", "--results", str(results)) == 0
    assert (files.OUTPUTS / "figures/figure3.png").exists()
    assert not (results / "figures").exists()


def test_train_trains_what_is_missing_and_then_draws(results, monkeypatch):
    def train(values, protocol, runs):
        for run in runs:
            picture_support.write(results, run.experiment, run.seed, 7)
        trained.extend(runs)
        return []

    trained = []
    monkeypatch.setattr(grid_command, "train", train)
    words = ("--train", "--epochs", "7", "--results", str(results))
    assert call(*words) == 0
    methods = ("air", "pprior", "asr")
    assert trained == [grid.Run(f"table1/{method}-13", 0) for method in methods]
    assert call(*words) == 0 and len(trained) == 3


def rewrite(**changes):
    """A damage: other arrays, written as a run writes them."""

    def damage(file):
        np.savez_compressed(file, **picture_support.arrays() | changes)

    return damage


def bare_array(file):
    with open(file, "wb") as stream:
        np.save(stream, np.zeros(3))


WHOLE = picture_support.arrays()
DAMAGES = {
    "missing": lambda file: file.unlink(),
    "cut short": lambda file: file.write_bytes(file.read_bytes()[:1000]),
    "a bare array": bare_array,
    "another archive": lambda file: np.savez(file, other=np.zeros(3)),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "few counts": rewrite(counts=WHOLE["counts"][:3]),
    "few true counts": rewrite(true_counts=WHOLE["true_counts"][:0]),
    "few boxes": rewrite(boxes=WHOLE["boxes"][:15]),
    "few scenes": rewrite(**{name: WHOLE[name][:7] for name in WHOLE}),
    "one reconstruction": rewrite(reconstructions=WHOLE["reconstructions"][0]),
    "a number": rewrite(images=np.uint8(3)),
    "pickled": rewrite(counts=np.array([None] * 16)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_arrays_are_told_in_one_line(damage, results, capsys):
    file = picture_support.write(results, "table1/asr-13") / "figure.npz"
    DAMAGES[damage](file)
    assert call("--results", str(results)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "figure.npz" in error


def test_few_samples_are_told_in_one_line(results, capsys):
    file = picture_support.write(results, "table2/asr-dsprites", side=64) / "figure.npz"
    rewrite(sample_images=WHOLE["sample_images"][:15])(file)
    assert call("--figure", "5", "--results", str(results)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "figure.npz is damaged" in error


def test_every_flipped_byte_is_told_or_does_no_harm(results):
    """Bytes of names and headers as well as of the compressed arrays."""
    file = picture_support.write(results, "table1/asr-13") / "figure.npz"
    record = records.read_record(file.parent)
    content, told = file.read_bytes(), 0
    for place in range(0, len(content), 397):
        flipped = bytearray(content)
        flipped[place] ^= 0x55
        file.write_bytes(flipped)
        try:
            arrays = kept_scenes.load(record, results, "scenes")
        except records.RecordError as error:
            told += "figure.npz is damaged" in str(error)
        else:
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, WHOLE[name])
    assert told > 10


@pytest.mark.parametrize(
    "words, flag",
    [(["--figure", "6"], "--figure"), (["--settings", "15"], "--settings")]
    + [(["--figure", "4", "--settings", "13"], "--settings")]
    + [(["--settings", "mnist"], "allowed: 13, 14, 24")]
    + [(["--figure", "5", "--settings", "mnist"], "allowed: dsprites")],
)
def test_bad_input_is_one_line(words, flag, results, capsys):
    assert call(*words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and flag in error


def test_pixels_are_enlarged_by_a_whole_factor_and_never_mixed(tmp_path):
    """The PNG shows only the scene's grey values, each as an equal square."""
    image = np.random.default_rng(0).integers(0, 256, (50, 50), np.uint8)
    panel = drawing.Panel("a\nb", [[drawing.Scene(image)] * 4])
    drawing.save(drawing.page([panel] * 3, 50, ["c"]), tmp_path / "page")
    page = np.round(imread(tmp_path / "page.png")[:, :, 0] * 255).astype(int)
    enlarged = np.kron(image, np.ones((4, 4), int))
    row = enlarged[0]
    found = [
        (y, x)
        for y in range(page.shape[0] - 200)
        for x in range(page.shape[1] - 200)
        if page[y, x] == row[0] and (page[y, x : x + 200] == row).all()
    ]
    y, x = found[0]
    assert (page[y : y + 200, x : x + 200] == enlarged).all()


def test_boxes_lie_where_the_arrays_say():
    scene = drawing.Scene(np.zeros((50, 50), np.uint8), np.array([[3, 4, 10, 12]]), 1)
    page = drawing.page([drawing.Panel("a", [[scene]])], 50, [])
    patches = [p for p in page.axes[0].patches if isinstance(p, Rectangle)]
    assert [p.get_bbox().bounds for p in patches] == [(3, 4, 10, 12)]


def test_drawing_needs_no_tensorflow():
    modules = "figures drawing curves sensitivity ablations report".split()
    code = "import sys, " + ", ".join(f"reproduce.{name}" for name in modules)
    code += "; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=files.REPOSITORY, check=True)
