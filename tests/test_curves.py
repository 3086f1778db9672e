"""Learning curves: the right numbers, bands and published lines."""

import shlex
import statistics

import pytest
import synthetic

from reproduce import cells, command_line, curves, grid, published, records


def call(*words):
    return command_line.main(curves.define, curves.body, list(words))


def test_all_settings_are_drawn_from_records(results, capsys):
    synthetic.write(results, "table1/asr-13", epochs=5)
    synthetic.write(results, "table2/air-dsprites", epochs=5)
    assert call("--results", str(results)) == 0
    names = sorted(path.name for path in (results / "figures").glob("*.png"))
    assert names == ["curves-table1-13.png", "curves-table2-dsprites.png"]
    assert capsys.readouterr().out.startswith("no run yet: AIR-13, AIR-pPrior-13, ")


def test_the_same_records_give_the_same_bytes(results):
    synthetic.write(results, "table1/asr-13", epochs=5)
    contents = []
    for _ in range(2):
        assert call("--settings", "13", "--results", str(results)) == 0
        contents.append((results / "figures/curves-table1-13.pdf").read_bytes())
    assert contents[0] == contents[1]


def test_line_band_and_published_value(results):
    nelbos = (350.0, 360.0, 385.0)
    for seed, nelbo in enumerate(nelbos):
        synthetic.write(results, "table1/asr-13", seed, epochs=5, nelbo=nelbo)
    protocol = grid.Protocol(results=results)
    found = cells.collect(["table1/asr-13"], protocol)
    means, deviations = curves.curve(found[0], "nelbo", results)
    assert means == pytest.approx([statistics.fmean(nelbos)] * 5)
    assert deviations == pytest.approx([statistics.stdev(nelbos)] * 5)
    axis = curves.draw(found, results).axes[0]
    mean, std = published.published("table1/asr-13")["nelbo"]
    values = [line.get_ydata() for line in axis.lines if len(line.get_xdata())]
    point, *caps, curve, training, _separator = [value[0] for value in values]
    assert point == mean and curve == pytest.approx(statistics.fmean(nelbos))
    assert training == 345.0  # the made-up histories'
    assert caps == pytest.approx([mean - std, mean + std])


def test_training_is_drawn_only_where_the_histories_have_it(results):
    folder = synthetic.write(results, "table1/asr-13", epochs=3)
    found = cells.collect(["table1/asr-13"], grid.Protocol(results=results))
    assert curves.training_curve(found[0], results) == [345.0] * 3
    rows = [
        {name: value for name, value in row.items() if name != "train_nelbo"}
        for row in records.read_history(folder)
    ]
    records.write_record(folder, records.read_record(folder), rows)
    found = cells.collect(["table1/asr-13"], grid.Protocol(results=results))
    assert curves.training_curve(found[0], results) == []
    assert curves.draw(found, results).axes  # without it


def test_published_values_lie_inside_the_axes(results):
    """ACC .81 with a deviation of .23, and one of 0 and its marker's half."""
    for setting, method in (("13", "air"), ("24", "pprior")):
        experiment = f"table1/{method}-{setting}"
        synthetic.write(results, experiment, epochs=3)
        found = cells.collect([experiment], grid.Protocol(results=results))
        mean, std = published.published(experiment)["acc"]
        bottom, top = curves.draw(found, results).axes[1].get_ylim()
        assert bottom < mean - std - 0.03 and mean + std + 0.03 < top


def test_one_run_has_no_band(results):
    synthetic.write(results, "table1/asr-13", epochs=3)
    found = cells.collect(["table1/asr-13"], grid.Protocol(results=results))
    assert curves.curve(found[0], "se", results)[1] == [0, 0, 0]


def test_list_prints_a_command_a_run(results, capsys):
    assert call("--list", "--tables", "table2", "--settings", "mnist") == 0
    assert len(capsys.readouterr().out.splitlines()) == 9


def test_the_command_for_what_is_missing_has_the_flags_of_the_call(results, capsys):
    synthetic.write(results, "table2/asr-mnist", epochs=5)
    words = "--tables table2 --methods pprior,asr --settings mnist --epochs 5"
    words += f" --results '{results.parent}/a b'"
    results.rename(results.parent / "a b")
    assert call(*shlex.split(words)) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line == (
        "no run yet: AIR-pPrior (multi-mnist); made by: "
        f"bash reproduce/curves.sh {words} --train"
    )


@pytest.mark.parametrize(
    "words", [["--settings", "13", "--tables", "table2"], ["--tables", "table3"], []]
)
def test_bad_input_and_no_records_are_one_line(words, results, capsys):
    assert call(*words, "--results", str(results)) == 2
    assert capsys.readouterr().err.count("\n") == 1
