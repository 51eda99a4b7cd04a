"""``ganas surrogate``: predictors of what a training would measure."""

from __future__ import annotations

import typer

from ganas.cli import surrogate_evaluate, surrogate_fit
from ganas.cli.output import example

__all__ = ["app"]

app = typer.Typer(
    help="Fit, judge and verify surrogates.",
    epilog=example("ganas surrogate evaluate nasbench201-cifar100 --sizes 50,200 --seeds 5"),
    rich_markup_mode=None,
)

for module in (surrogate_fit, surrogate_evaluate):
    module.add_commands(app)
