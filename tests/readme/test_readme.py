"""What README and the pages say is so: examples run, links lead somewhere."""

import importlib.util
import re
import shlex

import pytest

from reproduce import REPOSITORY
from reproduce.experiments.configuration import options, preset_configuration

README = (REPOSITORY / "README.md").read_text("utf-8")
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
RESULTS = sorted((REPOSITORY / "results").glob("*.md"))
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_readme_is_short():
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("page", [*PAGES, *RESULTS], ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_result_is_what_the_report_says():
    """Numbers in README are printed by a command, never typed in."""
    report = (REPOSITORY / "results/README.md").read_text("utf-8")
    told = README.partition("-->\n")[2].partition("<!-- end")[0]
    assert "of the 45 runs" in told and told in report


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_exist(page):
    text = page.read_text("utf-8")
    for script in re.findall(r"\b(?:reproduce|tests)/\w+\.sh", text):
        assert (REPOSITORY / script).exists(), script
    for script in re.findall(r"`(\w+\.sh)`", text):
        assert (REPOSITORY / "reproduce" / script).exists(), script
    for module in re.findall(r"-m ((?:reproduce|benchmarks)[\w.]*)", text):
        assert importlib.util.find_spec(module), module
    for file in re.findall(
        r"`((?:air|asr|data|reproduce|docs|examples)/[\w/.]*)`", text
    ):
        assert (REPOSITORY / file).exists(), file


def test_the_example_run_has_the_folder_that_readme_names():
    command = re.search(r"-m reproduce\.run (.*)", README).group(1)
    words = dict(zip(*[iter(shlex.split(command))] * 2, strict=True))
    known = {field.name for field in options()}
    changes = {name.lstrip("-"): value for name, value in words.items()}
    experiment, epochs = changes.pop("experiment"), int(changes.pop("epochs"))
    assert set(changes) <= known
    run = preset_configuration(experiment, epochs=epochs, **changes)
    assert f"results/runs/{run.name}/" in README


@pytest.mark.slow
def test_the_keras_example_runs_as_printed(tmp_path, monkeypatch):
    """On two batches, for two epochs; the model is of full size."""
    from reproduce.run import scenes

    load = scenes.load

    def few(configuration):
        found = load(configuration)
        parts = (part._replace(images=part.images[:128]) for part in found[:2])
        return found._replace(**dict(zip(("train", "test"), parts, strict=True)))

    monkeypatch.setattr(scenes, "load", few)
    monkeypatch.chdir(tmp_path)
    assert "epochs=10" in EXAMPLES[0]
    names = {}
    exec(EXAMPLES[0].replace("epochs=10", "epochs=2"), names)
    assert names["samples"]["images"].shape == (16, 50, 50)
    history = (tmp_path / "history.csv").read_text().splitlines()
    assert len(history) == 3 and "val_nelbo" in history[0]
    assert (tmp_path / "model.keras").exists()
    assert names["model"].predict(names["unseen"])["boxes"].shape == (128, 6, 4)


def test_the_constraint_of_readme_is_the_example():
    """So that the page and examples/ cannot drift apart."""
    example = (REPOSITORY / "examples/left_to_right.py").read_text("utf-8")
    ours, theirs = (text.splitlines()[-3:] for text in (EXAMPLES[1], example))
    assert [line.replace("q.", "posterior.") for line in ours] == theirs
