"""Flags and their errors: one line that names the flag and what is allowed."""

import errno

import pytest

from data import DataError
from reproduce import command_line
from reproduce.errors import UsageError


def define(flags):
    flags.group("What")
    flags.add("epochs", flags.integer(1), 300, "passes")
    flags.add("count", flags.integer(0, 5, optional=True), 3, "objects")
    flags.add("rate", flags.number(0, 1), None, "of Adam")
    flags.add("methods", flags.several(flags.word(("a", "b"))), ("a",), "rows")
    flags.add("train", flags.switch(), None, "trains")
    flags.add("file", flags.text(), None, "a file")


def call(*words, body=lambda values: None, **options):
    return command_line.main(define, body, "Does it.", list(words), **options)


def parsed(*words):
    found = []
    assert call(*words, body=found.append) == 0
    return found[0]


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ((), "epochs", 300),
        (("--epochs", "7"), "epochs", 7),
        (("--epochs=7",), "epochs", 7),
        (("--count", "none"), "count", None),
        (("--rate", "1e-3"), "rate", 1e-3),
        (("--methods", "b, a"), "methods", ("b", "a")),
        ((), "train", None),
        (("--train",), "train", True),
        (("--notrain",), "train", False),
    ],
)
def test_values_and_whether_they_were_given(words, name, value):
    values = parsed(*words)
    assert values[name].value == value
    assert bool(values[name].present) == bool(words)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("--epochs", "0"),
            "--epochs: '0' is not allowed; allowed: a positive integer",
        ),
        (
            ("--epochs", "x"),
            "--epochs: 'x' is not allowed; allowed: a positive integer",
        ),
        (("--epochs",), "--epochs: a value is missing; allowed: a positive integer"),
        (
            ("--count", "6"),
            "--count: '6' is not allowed; "
            "allowed: an integer in the range [0, 5] or none",
        ),
        (
            ("--methods", "a,c"),
            "--methods: 'a,c' is not allowed; "
            "allowed: a, b; joined by commas, each once",
        ),
        (
            ("--methods", "a,a"),
            "--methods: 'a,a' is not allowed; "
            "allowed: a, b; joined by commas, each once",
        ),
        (
            ("--notrain=7",),
            "--train: '7' is not allowed; "
            "allowed: the flag alone, or with no before its name",
        ),
        (("--file", ""), "--file: '' is not allowed; allowed: a text"),
        (("--epoch", "1"), "--epoch: there is no such option; did you mean --epochs?"),
        (("--flagfile=x",), "--flagfile: there is no such option; see --help"),
        (("word",), "'word' is no option; see --help"),
    ],
)
def test_bad_flags_get_one_line_and_exit_code_2(capsys, words, line):
    assert call(*words) == 2
    assert capsys.readouterr().err == f"error: {line}\n"


def test_help_names_every_flag_with_its_default_and_fits_the_width(capsys):
    assert call("--help") == 0
    out = capsys.readouterr().out
    for text in ("What:", "  --epochs ", "(default 300)", "--[no]train", "a, b;"):
        assert text in out
    assert max(map(len, out.splitlines())) <= 88


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("two\nlines"), 2, "error: two lines"),
        (DataError("no MNIST"), 2, "error: no MNIST"),
        (OSError(errno.ENOSPC, "No space left", "f"), 1, "error: f: No space left"),
        (KeyboardInterrupt(), 130, "interrupted; the same command"),
    ],
)
def test_exit_codes_and_their_line(capsys, error, code, text):
    def body(values):
        raise error

    assert call(body=body) == code
    assert capsys.readouterr().err.startswith(text)


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        call(body=lambda values: 1 / 0)


def test_words_that_are_no_flags_go_to_a_command_that_takes_them():
    found = []
    call(
        "DIR",
        "--epochs",
        "2",
        body=lambda *given: found.append(given),
        positional="DIR",
    )
    ((values, words),) = found
    assert (values.epochs, words) == (2, ["DIR"])
