"""Damaged, foreign and edited files in the cache are found and made anew."""

import json

import hypothesis
import numpy as np
import pytest
from data_support import same, small, the_file
from hypothesis import strategies


def rewrite(file, **changes):
    """Writes an archive again with some of its entries changed, as an editor would."""
    with np.load(file) as archive:
        arrays = {key: archive[key] for key in archive.files}
    for key, change in changes.items():
        arrays[key] = change(arrays[key])
    np.savez(file, **arrays)


def describe(**changes):
    return lambda text: np.array(json.dumps(json.loads(str(text)) | changes))


DAMAGES = {
    "empty": lambda file: file.write_bytes(b""),
    "text": lambda file: file.write_text("not an archive"),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-4000]),
    "cut in half": lambda file: file.write_bytes(
        file.read_bytes()[: file.stat().st_size // 2]
    ),
    "array gone": lambda file: np.savez(file, description="{}"),
    "foreign": lambda file: np.savez(file, images=np.zeros(3)),
    "one pixel": lambda file: rewrite(file, train_images=lambda a: a ^ (a == a.max())),
    "one box": lambda file: rewrite(file, test_boxes=lambda a: a + 1),
    "type": lambda file: rewrite(file, train_images=lambda a: a.astype(float)),
    "shape": lambda file: rewrite(file, train_counts=lambda a: a[:, None]),
    "key": lambda file: rewrite(file, description=describe(key="0" * 64)),
    "format": lambda file: rewrite(file, description=describe(format="other")),
    "description": lambda file: rewrite(file, description=lambda a: np.array("[1]")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_made_anew_with_one_line(damage, tmp_path):
    made, _ = small(tmp_path)
    file = the_file(tmp_path)
    whole = file.read_bytes()
    DAMAGES[damage](file)
    again, lines = small(tmp_path)
    assert same(made, again)
    warnings = [line for line in lines if not line.startswith("synthesising")]
    assert len(lines) == 2 and len(warnings) == 1
    assert warnings[0].startswith(f"{file}: damaged or foreign file in the cache (")
    assert "\n" not in warnings[0]
    assert len(the_file(tmp_path).read_bytes()) == len(whole)
    assert small(tmp_path)[1] == []


def test_a_file_of_other_scenes_under_this_name_is_not_used(tmp_path):
    made, _ = small(tmp_path / "a")
    small(tmp_path / "b", seed=1)
    the_file(tmp_path / "a").write_bytes(the_file(tmp_path / "b").read_bytes())
    again, lines = small(tmp_path / "a")
    assert same(made, again) and "it holds other data" in lines[0]


@hypothesis.settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(place=strategies.floats(0, 1), bits=strategies.integers(1, 255))
def test_a_changed_byte_never_changes_the_scenes(place, bits, tmp_path):
    made, _ = small(tmp_path)
    content = bytearray(the_file(tmp_path).read_bytes())
    content[int(place * (len(content) - 1))] ^= bits
    the_file(tmp_path).write_bytes(content)
    assert same(made, small(tmp_path)[0])
