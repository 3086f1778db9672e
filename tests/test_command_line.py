"""Flags, help, one-line errors and exit codes that every command shares."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from survival_support import start_on_terminal

from reproduce import command_line, files, interrupts
from reproduce.errors import UsageError


def define(options):
    options.group("Things")
    options.integer("epochs", 300, "passes", lower=1, upper=1000)
    options.integer("init_seed", None, "a seed", lower=0, optional=True)
    options.number("rate", 1e-3, "a rate", lower=0.0)
    options.choice("preset", "paper", "a preset", ("paper", "released"))
    options.choices("methods", ("air", "asr"), "some", ("air", "asr", "pprior"))
    options.integers("seeds", (0, 1), "seeds", lower=0)
    options.text("mnist", None, "a file", "FILE")
    options.switch("smoke", False, "small")
    options.switch("train", None, "all or nothing")


def call(*words, body=lambda values: None, **arguments):
    return command_line.main(define, body, words, "Does things.", **arguments)


def parsed(*words):
    caught = []
    assert call(*words, body=caught.append) == 0
    return caught[0]


def test_defaults():
    values = parsed()
    assert (values.epochs, values.init_seed, values.rate) == (300, None, 0.001)
    assert (values.preset, values.methods, values.seeds) == (
        "paper",
        ("air", "asr"),
        (0, 1),
    )
    assert values.mnist is None and values.smoke is False and values.train is None
    assert not values["epochs"].present


def test_values():
    values = parsed(
        *("--epochs=5", "--init_seed", "none", "--rate", "1e-4", "--preset=released"),
        *("--methods", "pprior, air", "--seeds=7", "--mnist", "a b.npz", "--smoke"),
        "--notrain",
    )
    assert (values.epochs, values.init_seed, values.rate) == (5, None, 1e-4)
    assert values.preset == "released" and values.methods == ("pprior", "air")
    assert values.seeds == (7,) and values.mnist == "a b.npz"
    assert values.smoke is True and values.train is False
    assert values["epochs"].present and not values["train"].using_default_value


def test_commands_share_no_flags():
    from absl import flags

    parsed("--epochs", "5")
    assert parsed().epochs == 300
    assert "epochs" not in flags.FLAGS


BAD = {
    ("--epochs", "0"): "--epochs: '0' is not allowed; allowed: an integer from 1 to",
    ("--epochs", "1001"): "--epochs: '1001'",
    ("--epochs", "2.5"): "--epochs: '2.5'",
    ("--epochs", "many"): "--epochs: 'many'",
    ("--epochs", ""): "--epochs: ''",
    ("--epochs", "--smoke"): "--epochs: '--smoke'",
    ("--epochs",): "--epochs: a value is missing",
    ("--init_seed", "-1"): "allowed: an integer of at least 0 or none",
    ("--rate", "nan"): "--rate: 'nan'",
    ("--rate", "inf"): "--rate: 'inf'",
    ("--rate", "-0.1"): "allowed: a number of at least 0",
    ("--preset", "Paper"): "allowed: paper, released",
    ("--methods", "air,foo"): "allowed: air, asr, pprior",
    ("--methods", "air,air"): "each once",
    ("--methods", ""): "--methods: ''",
    ("--seeds", "0,,1"): "--seeds: '0,,1'",
    ("--seeds", "a"): "--seeds: 'a'",
    ("--seeds", "1,1"): "each once",
    ("--mnist", ""): "--mnist: ''",
    ("--smoke=perhaps",): "--smoke: 'perhaps' is not allowed; allowed: --smoke, --no",
    ("--notrain=maybe",): "--notrain: 'maybe' is not allowed; allowed: --train, --not",
    ("--nohelp=3",): "--nohelp: '3' is not allowed; allowed: --help, --nohelp",
    ("--nosmoke=",): "--nosmoke: '' is not allowed; allowed: --smoke, --nosmoke",
    ("--epoch", "3"): "--epoch: there is no such option; did you mean --epochs?",
    ("--sedes", "3"): "did you mean --seeds?",
    ("--zzz",): "--zzz: there is no such option; see --help",
    ("--flagfile=x",): "--flagfile: there is no such option",
    ("--undefok=epoch", "--epoch=3"): "--undefok: there is no such option",
    ("word",): "'word' is not an option",
    ("--smoke", "true"): "'true' is not an option",
    ("--epochs", "3", "word"): "'word' is not an option",
}


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_bad_input_is_one_line_and_exit_code_2(words, capsys):
    def body(values):
        raise AssertionError("ran in spite of bad input")

    assert call(*words, body=body) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    assert BAD[words] in err


def test_help_names_every_flag_once(capsys):
    assert call("--help") == 0
    out = capsys.readouterr().out
    assert out.startswith("Does things.\n\nThings:\n")
    lines = [line.split()[0] for line in out.splitlines() if line.startswith("  --")]
    assert lines == [
        *("--epochs", "--init_seed", "--rate", "--preset", "--methods", "--seeds"),
        *("--mnist", "--smoke", "--[no]train", "--help"),
    ]
    assert "passes (default 300)" in out and "(default air,asr)" in out
    assert max(map(len, out.splitlines())) <= 88


def test_errors_of_the_body(capsys):
    class OtherError(Exception):
        pass

    def fail(error):
        def body(values):
            raise error

        return call(body=body, errors=(OtherError,))

    assert fail(UsageError("--x: two\nlines")) == 2
    assert capsys.readouterr().err == "error: --x: two lines\n"
    assert fail(OtherError("file: bad")) == 2
    assert capsys.readouterr().err == "error: file: bad\n"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert fail(full) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert fail(PermissionError(errno.EACCES, "Permission denied", "/a/b")) == 1
    assert capsys.readouterr().err == "error: /a/b: Permission denied\n"
    with pytest.raises(ZeroDivisionError):  # a fault of ours keeps its traceback
        fail(ZeroDivisionError())


def test_exit_code_of_the_body():
    assert call(body=lambda values: 3) == 3
    assert call(body=lambda values: None) == 0


@pytest.fixture
def hangup():
    """SIGHUP as it is without nohup, which these tests themselves may be under."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    "number, code",
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_interrupts(number, code, capsys, hangup):
    before = signal.getsignal(number)

    def body(values):
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt as error:
            error.note = "saved"
            raise

    assert call(body=body) == code
    assert capsys.readouterr().err == "interrupted: saved\n"
    assert signal.getsignal(number) is before


def test_under_nohup_the_end_of_the_terminal_stays_ignored(hangup):
    def body(values):
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert call(body=body) == 0
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


@pytest.mark.parametrize("seconds, code", [(60.0, 129), (0.0, 143)])
def test_signals_soon_after_the_first_are_the_same_interrupt(
    seconds, code, monkeypatch, hangup
):
    """They must not end the saving; later ones may end a command that hangs."""
    monkeypatch.setattr(interrupts, "ONE_INTERRUPT_SECONDS", seconds)

    def body(values):
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGTERM)
            raise

    assert call(body=body) == code


def test_a_terminal_that_closes_is_an_interrupt_like_others(tmp_path):
    """What it can no longer show changes neither the saving nor the exit code."""
    code = f"""
        import contextlib, pathlib, sys, time
        from reproduce import command_line
        def body(values):
            try:
                print("ready", flush=True)
                time.sleep(60)
            except KeyboardInterrupt:
                with contextlib.suppress(OSError):
                    print("Python tries to write this again at its end")
                pathlib.Path(r"{tmp_path}/saved").touch()
                raise
        sys.exit(command_line.main(lambda options: None, body, []))
    """
    words = [sys.executable, "-c", textwrap.dedent(code)]
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    process, terminal = start_on_terminal(words, env=buffered)
    assert b"ready" in os.read(terminal, 100)
    os.close(terminal)
    assert process.wait(60) == 129
    assert (tmp_path / "saved").exists()


def test_an_interrupt_that_a_library_drops_is_found_again(monkeypatch):
    class Drops:
        def __del__(self):  # Python prints and forgets what is raised in here
            os.kill(os.getpid(), signal.SIGTERM)

    reached, dropped = [], []

    def body(values):
        interrupts.raise_if_interrupted()
        monkeypatch.setattr(sys, "unraisablehook", dropped.append)
        Drops()
        reached.append("lost")
        interrupts.raise_if_interrupted()
        reached.append("never")

    assert call(body=body) == 143 and reached == ["lost"] and len(dropped) == 1
    assert call() == 0  # the next command begins without it
    assert call(body=lambda values: interrupts.raise_if_interrupted()) == 0


def test_a_reader_that_leaves_is_no_failure_of_ours():
    code = (
        "import sys; from reproduce import command_line as c\n"
        "def body(v):\n"
        "    for k in range(100000): print(k)\n"
        "sys.exit(c.main(lambda o: None, body, []))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=files.REPOSITORY,
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 128 + signal.SIGPIPE
