"""How fast recurrent layers train, beside a plain implementation of the same equations, on one core.

Run it as ``python perf/rnn.py [--quick]``; it needs the extra ``torch`` and exits with 1 when a figure is outside its
bar. On Linux the process keeps to one core. Both are run by turns, forward and backward; seconds are of the processor,
what a clock on the wall shows on a machine that does nothing else, and the best of all rounds. ``--quick`` leaves out
the layers of 300.

The plain implementation computes one step after the other and one node after the other, as the official code of DARTS
does, and leaves the gradients to torch.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganas.spaces.rnn.genotype import (
    GROUPS,
    PLAIN,
    PRIMITIVES,
    Connections,
    RecurrentCell,
    RecurrentGenotype,
    Term,
    is_projected,
)
from ganas.spaces.rnn.layer import Masks, RecurrentLayer, SequenceLayer
from ganas.spaces.rnn.published import PUBLISHED
from ganas.spaces.rnn.supernet import RecurrentSupernet

V2 = PUBLISHED["DARTS_V2"]
JOINT = Connections(Term("identity", 1), Term("sigmoid", 1), Term("tanh", 0), Term("sigmoid", 2))
OFFICIAL: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda values: values,
}


def dropped(values: Tensor, mask: Tensor | None) -> Tensor:
    """Values with a dropout mask, if any."""
    return values if mask is None else values * mask


def plain_cell(
    cell: RecurrentCell, last: Tensor, current: Tensor, first: Tensor, weights: Sequence[Tensor], masks: Masks
) -> Tensor:
    """One step of a cell, (batch, n) each, with the weights of node 0 and those of the others."""
    size = last.shape[-1]
    joined = torch.cat([dropped(current, masks.x), dropped(last, masks.h)], dim=-1)
    gate, candidate = torch.split(joined.mm(first), size, dim=-1)
    states = [last + gate.sigmoid() * (candidate.tanh() - last)]
    for node, (name, source) in enumerate(cell.nodes):
        read = states[source]
        gate, candidate = torch.split(dropped(read, masks.h).mm(weights[node]), size, dim=-1)
        states.append(read + gate.sigmoid() * (OFFICIAL[name](candidate) - read))
    return torch.mean(torch.stack([states[node] for node in cell.concat], dim=-1), dim=-1)


def plain_layer(layer: Any, inputs: Tensor, masks: Any) -> Tensor:
    """Hidden states of a text from its beginning, with the weights of a layer, (steps, batch, n)."""
    zeros = torch.zeros_like(inputs[0])
    hidden = [zeros] * layer.window
    history = [zeros] * layer.window

    def value(name: str, source: str, term: Term | None, step: int) -> Any:
        if term is None:
            return None
        values = (hidden if source == "h" else history)[layer.window + step - term.lag]
        if name in layer.projections:
            mask = masks.h if source == "h" else masks.x
            values = OFFICIAL[term.operation](dropped(values, mask).mm(layer.projections[name]))
        return values

    # Taken apart once: official weights are separate parameters, and indexing one would slow its gradient down.
    weights = layer.node_weights.unbind()
    for step, current in enumerate(inputs):
        history.append(current)
        terms = [
            value(group.name, group.source, term, step)
            for group, term in zip(GROUPS, layer.genotype.connections, strict=True)
        ]
        last = terms[0] if terms[1] is None else terms[0] * terms[1]
        current = terms[2] if terms[3] is None else terms[2] * terms[3]
        hidden.append(plain_cell(layer.genotype.cell, last, current, layer.initial_weight, weights, masks))
    return torch.stack(hidden[layer.window :])


def plain_supernet(net: Any, inputs: Tensor, masks: Any) -> Tensor:
    """Hidden states of a text from its beginning, cell and connections relaxed, (steps, batch, n)."""
    zeros = torch.zeros_like(inputs[0])
    hidden, history = [zeros] * net.window, [zeros] * net.window
    cell_shares, shares = net.cell_probabilities(), net.connection_probabilities()
    norm = net.cell_norm or nn.Identity()
    summary_norm = net.summary_norm or nn.Identity()
    weights, projections = net.node_weights.unbind(), net.projections.unbind()

    def term(number: int, step: int) -> Tensor:
        group = GROUPS[number]
        total = torch.zeros_like(zeros)
        for place in range(net.window):
            lag = group.first_lag + place
            source, mask = (hidden, masks.h) if group.source == "h" else (history, masks.x)
            values = source[net.window + step - lag]
            product = dropped(values, mask).mm(projections[number * net.window + place])
            for kind, name in enumerate(PRIMITIVES[1:], start=1):
                found = OFFICIAL[name](product) if is_projected(group, Term(name, lag)) else values
                total = total + shares[number, place, kind] * found
        if group.optional:
            total = total + shares[number, :, 0].sum() / shares[number].sum()
        return total

    def cell(last: Tensor, current: Tensor) -> Tensor:
        joined = torch.cat([dropped(current, masks.x), dropped(last, masks.h)], dim=-1)
        gate, candidate = torch.split(joined.mm(net.initial_weight), net.size, dim=-1)
        states = norm(last + gate.sigmoid() * (candidate.tanh() - last)).unsqueeze(0)
        offset = 0
        for node in range(1, net.nodes + 1):
            products = dropped(states, masks.h).view(-1, net.size).mm(weights[node - 1])
            gate, candidate = torch.split(products.view(node, -1, 2 * net.size), net.size, dim=-1)
            gate = gate.sigmoid()
            total = torch.zeros_like(last)
            for kind, name in enumerate(PRIMITIVES[1:], start=1):
                unweighted = states + gate * (OFFICIAL[name](candidate) - states)
                share = cell_shares[offset : offset + node, kind]
                total = total + torch.sum(share[:, None, None] * unweighted, dim=0)
            states = torch.cat([states, norm(total).unsqueeze(0)], 0)
            offset += node
        return torch.mean(states[list(net.concat)], dim=0)

    for step, current in enumerate(inputs):
        history.append(current)
        if net.connections == PLAIN:
            hidden.append(cell(hidden[-1], current))
        else:
            last, entering = term(0, step) * term(1, step), term(2, step) * term(3, step)
            hidden.append(cell(summary_norm(last), summary_norm(entering)))
    return torch.stack(hidden[net.window :])


def ratio(layer: SequenceLayer, plain: Callable[..., Tensor], batch: int, steps: int, rounds: int) -> tuple[float, ...]:
    """Milliseconds of the layer and of the plain implementation, forward and backward."""
    draws = torch.Generator().manual_seed(0)
    inputs = torch.randn(steps, batch, layer.size, generator=draws).requires_grad_()
    grads = torch.randn(steps, batch, layer.size, generator=draws)
    masks = layer.train().draw_masks(inputs)
    best = [float("inf")] * 2
    for _ in range(rounds):
        for number, run in enumerate((lambda: layer(inputs, masks=masks)[0], lambda: plain(layer, inputs, masks))):
            layer.zero_grad()
            inputs.grad = None
            begun = time.process_time()
            run().backward(grads)  # type: ignore[no-untyped-call]
            best[number] = min(best[number], time.process_time() - begun)
    return 1e3 * best[0], 1e3 * best[1]


def layers(size: int, nodes: int) -> list[tuple[str, SequenceLayer, Callable[..., Tensor]]]:
    """What is measured at one size."""
    rates: dict[str, Any] = {"dropout_h": 0.25, "dropout_x": 0.5}
    cell = V2.truncated(nodes)
    plain, joint = RecurrentGenotype(cell), RecurrentGenotype(cell, JOINT)
    return [
        ("cell of DARTS_V2", RecurrentLayer(plain, size, **rates), plain_layer),
        ("with connections", RecurrentLayer(joint, size, **rates), plain_layer),
        ("relaxed cell", RecurrentSupernet(size, nodes=nodes, connections=PLAIN, **rates), plain_supernet),
        ("relaxed cell and connections", RecurrentSupernet(size, nodes=nodes, **rates), plain_supernet),
    ]


def main() -> int:
    """Print the table of figures; return 1 if one is outside its bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the layers of 300")
    quick = parser.parse_args().quick
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, one core and thread, milliseconds\n")
    print(
        f"{'layer':<30} {'n':>4} {'nodes':>5} {'batch':>5} {'steps':>5} {'plain':>9} {'here':>9} {'ratio':>6}     bar"
    )
    settings = [(64, 3, 32, 20, 100, 1.3), (64, 4, 32, 20, 100, 1.3)]
    if not quick:
        settings.append((300, 8, 64, 35, 5, 1.0))
    passed = True
    for size, nodes, batch, steps, rounds, bar in settings:
        for name, layer, plain in layers(size, nodes):
            few = rounds if not isinstance(layer, RecurrentSupernet) else max(3, rounds // 4)
            here, there = ratio(layer, plain, batch, steps, few)
            holds = there / here >= bar
            passed &= holds
            print(
                f"{name:<30} {size:>4} {nodes:>5} {batch:>5} {steps:>5} {there:>9.1f} {here:>9.1f} {there / here:>6.2f}"
                f" {f'>= {bar:g}':>7}{'' if holds else '  outside the bar'}"
            )
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
