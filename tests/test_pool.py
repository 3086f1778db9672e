"""The worker pool: every failure is told, every line shown and kept."""

import signal

from pool_support import job

from reproduce import pool


def test_lines_are_shown_with_the_name_and_kept_in_the_log(tmp_path):
    lines = []
    code = "import sys; print('one'); print('two', file=sys.stderr, end='')"
    assert pool.run([job(tmp_path, "a", code)], 1, say=lines.append) == []
    assert lines == ["[a] one", "[a] two", "1 of 1 run ended"]
    assert (tmp_path / "logs/a.log").read_text() == "one\ntwo"


def test_two_pools_on_one_log_lose_no_line(tmp_path):
    """Each shows what is new since it began, and cuts nothing of the other's."""
    log = tmp_path / "logs/a.log"
    log.parent.mkdir()
    log.write_text("of yesterday\n")
    code = """
        import pathlib, subprocess, time
        print("one", flush=True)
        go = pathlib.Path(r"{folder}/go")
        while not go.exists(): time.sleep(.01)
        print("three", flush=True)
    """
    other, lines, others = [], [], []

    def say(line):
        lines.append(line)
        if line == "[a] one":
            second = job(tmp_path, "a", "print('two')")
            other.append(pool.run([second], 1, say=others.append))
            (tmp_path / "go").touch()

    first = job(tmp_path, "a", code.format(folder=tmp_path))
    assert pool.run([first], 1, say=say) == [] and other == [[]]
    assert log.read_bytes() == b"of yesterday\none\ntwo\nthree\n"
    assert others == ["[a] two", "1 of 1 run ended"]
    assert lines == ["[a] one", "[a] two", "[a] three", "1 of 1 run ended"]


def test_names_are_not_said_twice_and_library_notices_only_logged(tmp_path):
    code = """
        print("WARNING: All log messages before absl::InitializeLog() is called")
        print("I0000 00:00:1795427178.3 7464 port.cc:153] notice")
        print("a epoch 1/2")
    """
    lines = []
    pool.run([job(tmp_path, "a", code)], 1, say=lines.append)
    assert lines == ["a epoch 1/2", "1 of 1 run ended"]
    assert "notice" in (tmp_path / "logs/a.log").read_text()


def test_one_of_six_dies_by_a_signal_and_the_rest_finish(tmp_path):
    jobs = [
        job(tmp_path, f"run{k}", f"open(r'{tmp_path}/done{k}', 'w')") for k in range(5)
    ]
    dying = "import os, time; time.sleep(.2); os.kill(os.getpid(), 9)"
    jobs.insert(2, job(tmp_path, "dying", dying))
    failures = pool.run(jobs, 6, say=lambda line: None)
    assert [(f.name, f.reason) for f in failures] == [("dying", "killed by SIGKILL")]
    assert str(failures[0]).endswith("dying.log")
    assert all((tmp_path / f"done{k}").exists() for k in range(5))


def test_a_signal_without_a_name_is_told_by_its_number(tmp_path):
    unnamed = signal.SIGRTMIN + 1
    dying = f"import os; os.kill(os.getpid(), {unnamed})"
    failures = pool.run([job(tmp_path, "dying", dying)], 1, say=lambda line: None)
    assert [f.reason for f in failures] == [f"killed by signal {unnamed}"]


def test_exit_codes_and_commands_that_do_not_start_are_failures(tmp_path):
    missing = pool.Job("missing", (str(tmp_path / "none"),), tmp_path / "m.log")
    jobs = [job(tmp_path, "three", "raise SystemExit(3)"), missing]
    failures = pool.run(jobs, 1, say=lambda line: None)
    assert [f.name for f in failures] == ["three", "missing"]
    assert failures[0].reason == "exit code 3"
    assert "No such file" in failures[1].reason


def test_at_most_so_many_at_once(tmp_path):
    code = """
        import pathlib, time
        here = pathlib.Path(r'{folder}')
        (here / 'running{k}').touch()
        time.sleep(0.3)
        count = len(list(here.glob('running*')))
        (here / 'running{k}').unlink()
        print('at once', count)
    """
    jobs = [job(tmp_path, str(k), code.format(folder=tmp_path, k=k)) for k in range(5)]
    lines = []
    assert pool.run(jobs, 2, say=lines.append) == []
    counts = [int(line.split()[-1]) for line in lines if "at once" in line]
    assert len(counts) == 5 and max(counts) == 2


def test_workers_get_their_threads(tmp_path):
    lines = []
    code = "import os; print(os.environ['OMP_NUM_THREADS'])"
    pool.run([job(tmp_path, "a", code)], 1, threads=3, say=lines.append)
    assert lines[0] == "[a] 3"
