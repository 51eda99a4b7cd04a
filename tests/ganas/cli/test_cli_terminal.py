"""The command as a process: its status, pipes, interrupts, and how it looks in a terminal."""

import fcntl
import itertools
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

BENCHMARK = "nasbench201-cifar10"
GANAS = [sys.executable, "-m", "ganas.cli.main"]


def test_the_process_ends_with_the_status():
    ran = subprocess.run([*GANAS, "info", "nothing"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Error: unknown name 'nothing'")
    ran = subprocess.run([*GANAS, "list", "spaces", "--json"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [row["name"] for row in json.loads(ran.stdout)] == [
        *("alphagan", "alphagan-discriminator"),
        *("darts", "graphnas", "graphnas-proteins"),
        *("nasbench101", "nasbench201", "natsbench-size"),
        *("rnn", "rnn-enas", "rnn-mini"),
        *("textnas", "textnas-mini"),
    ]


@pytest.mark.parametrize("command", ["list", "info nasbench201-cifar10 --json", "--help"])
def test_a_reader_that_goes_away_is_no_error(command):
    # The reader closes at once, so that the first write fails already.
    ran = subprocess.run(
        [
            "bash",
            "-c",
            f'set -o pipefail; {shlex.join(GANAS)} {command} | {{ exec <&-; sleep 0.1; }}; echo "status $?"',
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    assert ran.stdout in ("status 0\n", "status 1\n")


def test_an_interrupted_run_says_how_to_go_on(tmp_path, grid):
    command = [*GANAS, "compare", *grid, "--seeds", "20000", "--out", "run"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What is started in the background of a shell ignores the signal, and so would this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "run" / "store.sqlite").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1].startswith("Error: interrupted; give the same command again to go on")
    assert "Traceback" not in err


# --- in a terminal ---------------------------------------------------------------------------------------


def in_terminal(arguments, columns):
    """The lines that a command shows in a terminal of this width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment["TERM"] = "xterm"
    process = subprocess.Popen([*GANAS, *arguments], stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # Linux ends a terminal like this, macOS with an empty read.
            break
        if not chunk:
            break
        shown += chunk
    os.close(leader)
    assert process.wait() == 0, shown
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("columns", [80, 120])
def test_a_list_is_aligned_in_a_terminal(columns):
    lines = [line.rstrip() for line in in_terminal(["list"], columns)]
    assert max(map(len, lines)) <= columns
    title, origin = lines[0].index("title"), lines[0].index("from")
    assert [line for line in lines if line in ("spaces", "benchmarks", "strategies")] == [
        "spaces", "benchmarks", "strategies",
    ]  # fmt: skip
    entries = [line for line in lines if line.startswith("  ") and line[2] != " "]
    answered = subprocess.run([*GANAS, "list", "--json"], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in entries] == [row["name"] for row in json.loads(answered.stdout)]
    for line in entries:
        assert line[title - 1] == " " != line[title]
        assert re.fullmatch(r"ganas [\d.]+", line[origin:])
    text = " ".join(" ".join(line[title:origin] for line in lines).split())
    assert "NAS-Bench-201 on CIFAR-10: validation accuracy of all 15,625 cells" in text


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", [BENCHMARK, "regularized-evolution", "nasbench101"])
def test_info_fits_a_terminal(name, columns):
    lines = in_terminal(["info", name], columns)
    assert max(len(line.rstrip()) for line in lines) <= columns
    # What a line cannot hold goes on below itself, not below the name.
    pairs = list(itertools.takewhile(lambda line: line.strip(), lines))
    width = pairs[0].index(pairs[0].split(maxsplit=1)[1])
    assert all(line[width - 1] == " " != line[width] for line in pairs)


def test_long_names_leave_room_for_descriptions():
    lines = [line.rstrip() for line in in_terminal(["info", "train-alphagan-digits"], 80)]
    (line,) = [line for line in lines if line.startswith("valid_recall ")]
    assert line.endswith("  real images that")


@pytest.mark.parametrize("columns", [80, 120])
def test_the_list_of_data_shows_names_whole(columns):
    lines = [line.rstrip() for line in in_terminal(["data", "list"], columns)]
    assert max(map(len, lines[:-1])) <= columns
    assert lines.index("tables") < lines.index("sources")
    names = {line.split()[0]: line.split()[1] for line in lines if len(line.split()) > 4}
    assert names["natsbench-topology-cifar10-trainval"] == "missing"
    assert names["nasbench201-cifar10"] == "embedded"
    assert lines[-1].startswith("converted tables and downloads are in ")


def test_a_run_in_a_terminal_shows_names_whole(grid):
    lines = [line.rstrip() for line in in_terminal(["compare", *grid, "--out", "run"], 80)]
    assert BENCHMARK in lines
    assert any(re.match(r"  local-search +2 +\d+\.\d{3} +\d", line) for line in lines)
    assert lines[-1] == "report: run/report.html"
