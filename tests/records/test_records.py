"""Records on disk, damaged or old, and the two frames that are made of them."""

import json
import math

import made_up
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce.experiments.configuration import from_json, preset_configuration
from reproduce.records import folders, frame, record, versions

ASR = "table1/asr-13"
HISTORY = [
    {"epoch": 1, "train_loss": 3.5, "test_nelbo": 3.25, "test_acc": None, "seconds": 2},
    {"epoch": 2, "train_loss": 0.1, "test_nelbo": 1 / 3, "test_acc": 0.5, "seconds": 2},
]


def written(results, experiment=ASR, **options):
    """Writes the record of a run of two epochs; returns its folder and content."""
    folder = made_up.write(results, experiment, epochs=2, **options)
    return folder, record.read(folder)


def test_what_is_written_is_read_back(tmp_path):
    folder, content = written(tmp_path)
    content["metrics"] |= {"nelbo": 1 / 3, "acc": None}
    figure = {"images": np.arange(12).reshape(3, 2, 2)}
    record.write(folder, content, HISTORY, figure)
    assert record.read(folder) == content
    assert frame.read_history(folder).equals(pd.DataFrame(HISTORY).astype(float))
    np.testing.assert_array_equal(
        record.read_figure(folder)["images"], figure["images"]
    )


numbers = st.none() | st.floats(allow_nan=False) | st.integers(-(2**40), 2**40)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4))
def test_a_history_keeps_every_number_exactly(tmp_path_factory, pairs):
    rows = [dict(zip(("epoch", "x"), pair, strict=True)) for pair in pairs]
    folder = tmp_path_factory.mktemp("run")
    record.write(folder, {}, rows)
    assert frame.read_history(folder).equals(pd.DataFrame(rows).astype(float))


def test_numbers_that_are_not_finite_are_not_written(tmp_path):
    folder, content = written(tmp_path)
    before = (folder / "record.json").read_bytes()
    with pytest.raises(ValueError):
        record.write(folder, content | {"wall_seconds": math.nan}, HISTORY)
    assert (folder / "record.json").read_bytes() == before


def test_frames_have_a_row_a_run_and_a_row_an_epoch(tmp_path):
    first, _ = written(tmp_path, acc=None)
    written(tmp_path, "table2/air-dsprites", seed=1, changes={"learning_rate": 0.1})
    frames = frame.load(tmp_path)
    assert list(frames.runs.experiment) == [ASR, "table2/air-dsprites"]
    assert list(frames.runs.changed) == [{}, {"learning_rate": 0.1}]
    assert frames.runs.folder[0] == str(first.relative_to(tmp_path))
    assert list(frames.runs.digits.isna()) == [False, True]
    own = frames.epochs[frames.epochs.folder == frames.runs.folder[0]]
    assert list(own.test_nelbo) == [351, 350]
    assert np.isnan(own.test_acc.iloc[0])


def test_a_folder_without_records_gives_empty_frames_with_the_same_columns(tmp_path):
    empty = frame.load(tmp_path / "nowhere")
    written(tmp_path)
    assert list(empty.runs.columns) == list(frame.load(tmp_path).runs.columns)
    assert len(empty.runs) == len(empty.epochs) == 0


@pytest.mark.parametrize("name", ["record.json", "history.csv"])
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_file_that_was_cut_short_gets_one_line_that_names_the_folder(
    tmp_path, name, share
):
    folder, _ = written(tmp_path)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(folders.FileError) as caught:
        frame.load(tmp_path)
    assert str(caught.value).startswith(f"{folder}: {name}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", [*record.FIELDS])
def test_a_record_without_a_field_is_refused(tmp_path, field):
    folder, content = written(tmp_path)
    del content[field]
    (folder / "record.json").write_text(json.dumps(content))
    with pytest.raises(folders.FileError):
        record.read(folder)


def test_a_record_in_another_runs_folder_is_refused(tmp_path):
    folder, _ = written(tmp_path)
    folder.rename(folder.with_name("paper-2ep-seed1"))
    with pytest.raises(folders.FileError, match="belongs to table1/asr-13/paper-2ep"):
        frame.load(tmp_path)


def test_records_of_the_first_version_are_read_as_what_the_code_did_then(tmp_path):
    folder, content = written(tmp_path, "table2/asr-dsprites")
    options = content["configuration"]
    for name in ("sampler", "side_minimum", "bounds", "scenes", "constraint_digest"):
        del options[name]
    del options["side_maximum"], content["numerics"]
    (folder / "record.json").write_text(json.dumps(content))
    (run,) = frame.load(tmp_path).runs.to_dict("records")
    assert (run["numerics"], run["stale"], run["variant"]) == (1, True, "paper")
    read = from_json(versions.completed(run["configuration"], run["numerics"]))
    assert (read.side_minimum, read.side_maximum) == (12, 15)
    assert (read.sampler, read.bounds, read.scenes) == ("hat", True, None)
    # It is a variant of today's, whatever it was called.
    runs = frame.load(tmp_path).runs
    sides = {"side_minimum": 12.0, "side_maximum": 15.0}
    same = preset_configuration("table2/asr-dsprites", **sides)
    assert len(frame.runs_of(runs, same)) == 1
    assert frame.runs_of(runs, preset_configuration("table2/asr-dsprites")).empty


def test_options_without_a_change_of_the_numerics_may_be_missing(tmp_path):
    folder, content = written(tmp_path)
    for name in ("scenes", "scenes_digest", "constraint", "constraint_weight"):
        del content["configuration"][name]
    (folder / "record.json").write_text(json.dumps(content))
    (run,) = frame.load(tmp_path).runs.to_dict("records")
    read = from_json(versions.completed(run["configuration"], run["numerics"]))
    assert not run["stale"] and read == preset_configuration(ASR, epochs=2)


def test_all_committed_records_and_figures_are_read():
    runs = frame.load(folders.RESULTS).runs
    for run in runs.itertuples():
        from_json(versions.completed(run.configuration, run.numerics))
        assert record.read_figure(folders.RESULTS / run.folder)["images"].ndim == 3
    assert len(runs)
