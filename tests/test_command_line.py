"""Flags and their errors: one line that names the flag and what is allowed."""

import errno

import pytest

from data import DataError
from reproduce import command_line
from reproduce.errors import UsageError
from reproduce.flags import choice, comma_list, integer, number, switch, text


def define(flags):
    flags.group("What")
    flags.add("epochs", integer(1), 300, "passes")
    flags.add("count", integer(0, 5, optional=True), 3, "objects")
    flags.add("rate", number(0, 1), None, "of Adam")
    flags.add("methods", comma_list(choice("a", "b")), ("a",), "rows")
    flags.add("train", switch(), None, "trains")
    flags.add("file", text(), None, "a file")


def call(*words, body=lambda values: None, **options):
    return command_line.main(define, body, "Does it.", list(words), **options)


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("--epochs=7", "epochs", 7),
        ("--count=none", "count", None),
        ("--rate=1e-3", "rate", 1e-3),
        ("--methods=b, a", "methods", ("b", "a")),
        ("--train", "train", True),
        ("--notrain", "train", False),
    ],
)
def test_values_and_whether_they_were_given(word, name, value):
    found = []
    assert call(word, body=found.append) == 0
    given = {flag for flag in found[0] if found[0][flag].present}
    assert given == {name} and found[0][name].value == value


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--epochs 0", "--epochs=0: not allowed; allowed: a positive integer"),
        ("--epochs x", "--epochs=x: not allowed; allowed: a positive integer"),
        ("--epochs", "Missing value for flag --epochs"),
        ("--count 6", "--count=6: not allowed; allowed: an integer in the range"),
        ("--rate inf", "--rate=inf: not allowed; allowed: a number in the range"),
        ("--methods a,c", "--methods=a,c: not allowed; allowed: a, b; joined by"),
        ("--methods a,a", "--methods=a,a: not allowed; allowed: a, b; joined by"),
        ("--notrain=7", "--notrain=7 does not take an argument"),
        ("--file=", "--file=: not allowed; allowed: text"),
        ("--epoch 1", "Unknown command line flag 'epoch'. Did you mean: epochs"),
        ("word", "unexpected argument 'word'; see --help"),
    ],
)
def test_bad_flags_get_one_line_and_exit_code_2(capsys, words, told):
    assert call(*words.split()) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"error: {told}") and line.count("\n") == 1


def test_help_names_every_flag_with_its_default(capsys):
    assert call("--help") == 0
    out = capsys.readouterr().out
    for told in ("What:", "  --epochs: passes", "(default: '300')", "--[no]train"):
        assert told in out


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (UsageError("two\nlines"), 2, "error: two lines"),
        (DataError("no MNIST"), 2, "error: no MNIST"),
        (OSError(errno.ENOSPC, "No space left", "f"), 1, "error: f: No space left"),
        (KeyboardInterrupt(), 130, "interrupted; run the same command"),
    ],
)
def test_exit_codes_and_their_line(capsys, error, code, told):
    def body(values):
        raise error

    assert call(body=body) == code
    assert capsys.readouterr().err.startswith(told)
