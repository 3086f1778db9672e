"""What the tests of bad input share: calls of a command, and what they must print."""

from data import DataError
from reproduce import command_line

EXPERIMENT = "table1/asr-13"
SMALL = (
    *("--experiment", EXPERIMENT, "--digits", "rendered", "--train_images", "8"),
    *("--test_images", "4", "--batch_size", "4", "--steps", "3", "--epochs", "2"),
)


def call(command, *words):
    return command_line.main(command.define, command.body, words, "", (DataError,))


def check(capsys, code, *parts):
    """The command has ended by one line that has all the parts."""
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if not line.startswith("synthesising")]
    assert code == command_line.BAD_INPUT, err
    assert len(lines) == 1 and lines[0].startswith("error: "), err
    for part in parts:
        assert part in lines[0]
    assert "Traceback" not in out + err
