"""What a command prints, and how it refuses."""

from ganas.cli.main import run


def answer(arguments, capsys):
    capsys.readouterr()
    status = run(arguments)
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return printed.out


def refusal(arguments, capsys):
    capsys.readouterr()
    assert run(arguments) in (1, 2)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Error: ")
    assert printed.err.count("\n") == 1
    return printed.err
