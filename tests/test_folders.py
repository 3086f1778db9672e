"""Which folders a command writes to: results, checkpoints and logs belong together."""

import manifest_support
import pytest

from reproduce import (
    checkpoint,
    command_line,
    files,
    grid,
    own_constraint,
    records,
    run,
    run_exported,
)
from reproduce.configuration import preset_configuration, smoke

RUN = preset_configuration("table1/asr-13")
SMOKE = smoke(RUN)


@pytest.fixture(autouse=True)
def repository(tmp_path, monkeypatch):
    """Folders under tmp_path in place of the project's own."""
    for name in ("RESULTS", "OUTPUTS", "CHECKPOINTS"):
        monkeypatch.setattr(files, name, tmp_path / name.lower())
    monkeypatch.setattr(files, "SMOKE_RESULTS", files.OUTPUTS / "smoke")
    return tmp_path


@pytest.fixture
def trained_in(monkeypatch):
    """Folders of the records and checkpoints of runs; nothing is trained."""
    places = []

    def train(values, configuration, name, folder, kept):
        places.append((folder, kept))
        return 0

    monkeypatch.setattr(run, "_train", train)
    return places


def place(configuration, results, checkpoints):
    return (
        records.run_folder(results, configuration),
        checkpoint.folder_of(checkpoints, configuration),
    )


def call(*words):
    words = ("--experiment", RUN.experiment, *words)
    return command_line.main(run.define, run.body, words)


def test_a_run_has_the_project_s_folders(trained_in):
    files.RESULTS.mkdir()
    for words in ((), ("--results", str(files.RESULTS / ".." / "results"))):
        assert call(*words) == 0
    folders, kept = zip(*trained_in, strict=True)
    folder, own = place(RUN, files.RESULTS, files.CHECKPOINTS)
    assert [path.resolve() for path in folders] == [folder] * 2 and kept == (own, own)


def test_other_results_have_checkpoints_of_their_own(trained_in, tmp_path):
    """The finished checkpoint of the project's run is neither used nor removed."""
    kept = checkpoint.folder_of(files.CHECKPOINTS, RUN) / checkpoint.NAME
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"hours of work")
    other = tmp_path / "fresh"
    assert call("--results", str(other), "--retrain") == 0
    assert trained_in == [place(RUN, other, other / "checkpoints")]
    given = tmp_path / "given"
    assert call("--results", str(other), "--checkpoints", str(given)) == 0
    assert trained_in[1] == place(RUN, other, given)
    assert list(files.CHECKPOINTS.rglob("*.*")) == [kept]


def test_a_smoke_run_stays_out_of_the_results(trained_in):
    assert call("--smoke") == 0
    results = files.SMOKE_RESULTS
    assert trained_in == [place(SMOKE, results, results / "checkpoints")]


@pytest.mark.parametrize("toy", [False, True])
def test_exported_runs_have_the_folders_of_runs(toy, tmp_path, monkeypatch):
    found = []

    def train(values, exported, configurations, places):
        found.extend(places)
        return 0

    monkeypatch.setattr(run_exported, "require_runtime", lambda: None)
    monkeypatch.setattr(run_exported, "_train", train)
    programs = manifest_support.made_up(tmp_path / "export", smoke=toy)
    other = tmp_path / "fresh"
    for words in ([], ["--results", str(other)]):
        assert run_exported.main([str(programs), *words]) == 0
    own = files.SMOKE_RESULTS if toy else files.RESULTS
    kept = own / "checkpoints" if toy else files.CHECKPOINTS
    assert found == [
        place(manifest_support.RUN, own, kept),
        place(manifest_support.RUN, other, other / "checkpoints"),
    ]


def test_logs_lie_beside_the_results(tmp_path):
    def log(**fields):
        file = grid.log_file(grid.Run("table1/asr-13", 0), grid.Protocol(**fields))
        return file.parents[2]

    assert log(results=files.RESULTS) == files.OUTPUTS / "logs"
    assert log(results=tmp_path / "fresh") == tmp_path / "fresh" / "logs"


@pytest.mark.parametrize(
    "words, folder",
    [
        ([], "checkpoints"),
        (["--epochs", "9"], "checkpoints"),  # which goes on from the plain call
        (["--smoke"], "outputs/smoke/checkpoints"),
        (["--results", "{}/fresh"], "fresh/checkpoints"),
        (["--results", "{}/fresh", "--checkpoints", "{}/given"], "given"),
    ],
)
def test_an_own_constraint_s_checkpoints(words, folder, tmp_path):
    found = []

    def body(values):
        configuration = own_constraint.configuration_from(values)
        found.append(own_constraint._place(values, configuration, "without"))

    words = [word.format(tmp_path) for word in words]
    assert command_line.main(own_constraint.define, body, words) == 0
    assert found[0].parents[2] == tmp_path / folder / "own_constraint" / "without"
