"""The recurrence of a cell over a sequence, with a backward pass of its own.

Left to autograd, every node of every step would leave some ten small operations and a gradient of its weight matrix to
be added up. Here nodes of one depth are computed together, the steps write into arrays of the whole sequence, and each
weight matrix gets its gradient from one product over all steps. The equations are in
:mod:`ganas.spaces.rnn.network`. First derivatives only; a second one raises torch's own error.

This module imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ganas.spaces.errors import missing_torch
from ganas.spaces.rnn.plan import Plan, Reading, Run

try:
    import torch
    from torch import Tensor
    from torch.autograd.function import once_differentiable
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["Operands", "recurrence"]

# Numbers that one step of the backward pass should have in the cache: shorter steps are prepared several at a time.
_CACHED = 2**16


@dataclass(frozen=True, slots=True, eq=False)
class Operands:
    """What a recurrence is computed from; n is the size of a hidden state.

    Attributes:
        inputs: With a gate of the input, its other factor, (steps, batch, n); otherwise what node 0 gets from the
            input, already multiplied by its weights, (steps, batch, 2 n).
        gate: The gate of the hidden state, (steps, batch, n); None for 1.
        history: Hidden states before the first step, the latest last, (m, batch, n).
        initial_weight: Of node 0, for what it does not get through ``inputs``: (n, 2 n), or (2 n, 2 n) with a gate of
            the input, whose rows come first.
        node_weights: Of the places from 1 on, (places - 1, n, 2 n).
        projections: Of the terms that read hidden states, side by side, (n, columns * n); None where none is projected.
        h_mask: Dropout mask of hidden states, (batch, n); None for 1.
        x_mask: Dropout mask of the summary of inputs, (batch, n); None for 1.

    Weights may have a lower precision than the rest; products are then taken in that precision.
    """

    inputs: Tensor
    gate: Tensor | None
    history: Tensor
    initial_weight: Tensor
    node_weights: Tensor
    projections: Tensor | None
    h_mask: Tensor | None
    x_mask: Tensor | None

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """All of them, in order."""
        return (
            *(self.inputs, self.gate, self.history, self.initial_weight),
            *(self.node_weights, self.projections, self.h_mask, self.x_mask),
        )


def recurrence(plan: Plan, operands: Operands) -> Tensor:
    """Run a cell over a sequence; returns the hidden states, (steps, batch, n).

    Args:
        plan: Of the cell.
        operands: What it is computed from. There are no gradients with respect to masks.
    """
    outputs: Tensor = _Recurrence.apply(plan, *operands.tensors)  # type: ignore[no-untyped-call]
    return outputs


class _Recurrence(torch.autograd.Function):
    """The recurrence as one operation; arguments after the plan are those of :class:`Operands`, in order."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Any) -> Tensor:
        operands = Operands(*tensors)
        with torch.autocast(operands.inputs.device.type, enabled=False):
            run = _Sequence(plan, operands)
            run.forward()
        ctx.plan = plan
        ctx.save_for_backward(*tensors, *run.made)
        return run.hidden[run.window :]

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        count = len(Operands.__slots__)
        operands = Operands(*saved[:count])
        with torch.autocast(operands.inputs.device.type, enabled=False):
            run = _Sequence(ctx.plan, operands)
            run.made = saved[count:]
            return (None, *run.backward(grad_outputs))


class _Sequence:
    """One pass over a sequence. In an array with places these come first, then steps.

    Attributes:
        hidden: Hidden states, those of the history first, (m + steps, batch, n).
        projected: The projected terms that read hidden states, after their activation, at the hidden state that they
            read, (m + steps, batch, columns * n).
        summaries: The summary of hidden states, (steps, batch, n).
        entered: What the weights of node 0 are multiplied by, (steps, batch, n or 2 n).
        states: The value of each place, (places, steps, batch, n).
        read: For each level what its weights are multiplied by, (places, steps, batch, n).
        mixed: For node 0 and then for each level what its places are mixed of: gate and candidate, after their
            activation, (places, steps, batch, 2 n).
    """

    def __init__(self, plan: Plan, operands: Operands) -> None:
        self.plan, self.operands = plan, operands
        self.window, self.batch, self.size = operands.history.shape
        self.steps = len(operands.inputs)
        device = operands.inputs.device
        self.sources = [torch.tensor(level.sources, device=device) for level in plan.levels]
        self.joined = None if len(plan.joined) == len(plan.nodes) else torch.tensor(plan.joined, device=device)
        self.weights = [operands.node_weights[level.start - 1 : level.stop - 1] for level in plan.levels]

    @property
    def made(self) -> tuple[Tensor, ...]:
        """What the forward pass made, for the backward pass."""
        return (self.hidden, self.projected, self.summaries, self.entered, self.states, *self.read, *self.mixed)

    @made.setter
    def made(self, tensors: tuple[Tensor, ...]) -> None:
        self.hidden, self.projected, self.summaries, self.entered, self.states, *others = tensors
        self.read, self.mixed = others[: len(self.plan.levels)], others[len(self.plan.levels) :]

    # --- forward -------------------------------------------------------------------------------------------------

    def forward(self) -> None:
        """Compute everything."""
        self._allocate()
        plan, operands, window = self.plan, self.operands, self.window
        # Views of all steps are made in one go: one by one they would cost as much as the arithmetic.
        hidden, entered, summaries = self.hidden.unbind(), self.entered.unbind(), self.summaries.unbind()
        node_0 = _Mixing(self.mixed[0], self.states[:1], _NODE_0)
        levels = [_LevelPass(self, number) for number in range(len(plan.levels))]
        joined = self.states[1:].unbind(1)
        shortest = min((reading.lag for reading in (plan.h, plan.x_gate) if reading is not None), default=1)
        for place in range(window):
            self._project(place)
        if plan.x_gate is None:
            self.mixed[0][0] = operands.inputs
        for step in range(self.steps):
            summary = self._value(plan.h, step)
            if operands.gate is not None:
                summary = torch.mul(summary, operands.gate[step], out=summaries[step])
            elif plan.h.column >= 0 or plan.h.lag > 1:
                summary = summaries[step].copy_(summary)
            if plan.x_gate is None:
                _masked(summary, operands.h_mask, out=entered[step])
                _add_product(entered[step], operands.initial_weight, out=node_0.mixed[step][0])
            else:
                x_summary = operands.inputs[step] * self._value(plan.x_gate, step)
                _masked(x_summary, operands.x_mask, out=entered[step][:, : self.size])
                _masked(summary, operands.h_mask, out=entered[step][:, self.size :])
                _product(entered[step], operands.initial_weight, out=node_0.mixed[step][0])
            node_0.mix(step, summary)
            for level in levels:
                level.compute(step)
            values = joined[step] if self.joined is None else self.states[:, step].index_select(0, self.joined)
            torch.mean(values, dim=0, out=hidden[window + step])
            if step + shortest < self.steps:
                self._project(window + step)

    def _allocate(self) -> None:
        operands, steps, batch, size = self.operands, self.steps, self.batch, self.size
        empty = operands.history.new_empty
        columns = 0 if operands.projections is None else operands.projections.shape[1]
        self.hidden = empty(self.window + steps, batch, size)
        self.hidden[: self.window] = operands.history
        self.projected = operands.history.new_zeros(self.window + steps, batch, columns)
        self.summaries = empty(steps, batch, size)
        self.entered = empty(steps, batch, len(operands.initial_weight))
        self.states = empty(1 + len(self.plan.nodes), steps, batch, size)
        counts = [level.stop - level.start for level in self.plan.levels]
        self.read = [empty(count, steps, batch, size) for count in counts]
        self.mixed = [empty(count, steps, batch, 2 * size) for count in (1, *counts)]

    def _value(self, reading: Reading, step: int) -> Tensor:
        """The value of a term that reads a hidden state."""
        place = self.window + step - reading.lag
        if reading.column < 0:
            return self.hidden[place]
        return self.projected[place, :, reading.column * self.size : (reading.column + 1) * self.size]

    def _project(self, place: int) -> None:
        """Compute the projected terms that read one hidden state."""
        if self.operands.projections is not None:
            values = self.projected[place]
            _product(_masked(self.hidden[place], self.operands.h_mask), self.operands.projections, out=values)
            for start, stop, name in self.plan.projected:
                _activate(values[:, start * self.size : stop * self.size], name)

    # --- backward ------------------------------------------------------------------------------------------------

    def backward(self, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of the operands, in order."""
        plan, operands, window, size = self.plan, self.operands, self.window, self.size
        node_0 = _Unmixing(self.mixed[0], _NODE_0)
        levels = [_Unmixing(mixed, level.runs) for level, mixed in zip(plan.levels, self.mixed[1:], strict=True)]
        self._hidden_grads = torch.zeros_like(self.hidden)
        self._hidden_grads[window:] = grad_outputs
        self._projected_grads = torch.zeros_like(self.projected)
        gate_grads = None if operands.gate is None else torch.empty_like(operands.gate)
        input_grads = None if plan.x_gate is None else torch.empty_like(operands.inputs)
        grads = operands.history.new_empty(len(self.states), self.batch, size)
        together = max(1, _CACHED // grads.numel())
        is_plain = operands.gate is None and plan.h.column < 0 and plan.h.lag == 1
        summaries = self.hidden[window - 1 : window - 1 + self.steps] if is_plain else self.summaries
        for step in range(self.steps - 1, -1, -1):
            if (self.steps - 1 - step) % together == 0:
                steps = slice(max(0, step + 1 - together), step + 1)
                node_0.prepare(steps, summaries[None, steps])
                for level, sources in zip(levels, self.sources, strict=True):
                    level.prepare(steps, self.states[:, steps].index_select(0, sources))
            self._unproject(window + step, window + step + 1)
            share = self._hidden_grads[window + step] / len(plan.joined)
            if self.joined is None:
                grads[0] = 0
                grads[1:] = share
            else:
                grads.zero_()
                grads[self.joined] = share
            for number in range(len(levels) - 1, -1, -1):
                mine = grads[plan.levels[number].start : plan.levels[number].stop]
                mixed_grads, kept = levels[number].apply(step, mine)
                arriving = _masked(_transposed_product(mixed_grads, self.weights[number]), operands.h_mask)
                grads.index_add_(0, self.sources[number], torch.addcmul(arriving, mine, kept))
            mixed_grads, kept = node_0.apply(step, grads[:1])
            entering = _transposed_product(mixed_grads[0], operands.initial_weight)
            arriving = torch.addcmul(_masked(entering[:, -size:], operands.h_mask), grads[0], kept[0])
            if operands.gate is not None and gate_grads is not None:
                torch.mul(arriving, self._value(plan.h, step), out=gate_grads[step])
                arriving = arriving * operands.gate[step]
            self._give(plan.h, step, arriving)
            if plan.x_gate is not None and input_grads is not None:
                arriving = _masked(entering[:, :size], operands.x_mask)
                torch.mul(arriving, self._value(plan.x_gate, step), out=input_grads[step])
                self._give(plan.x_gate, step, arriving * operands.inputs[step])
        self._unproject(0, window)
        return (
            node_0.grads[0] if input_grads is None else input_grads,
            gate_grads,
            self._hidden_grads[:window],
            _weight_grads(self.entered, node_0.grads[0], operands.initial_weight),
            torch.cat([
                _weight_grads(read, level.grads, weights)
                for read, level, weights in zip(self.read, levels, self.weights, strict=True)
            ]),
            None
            if operands.projections is None
            else _weight_grads(_masked(self.hidden, operands.h_mask), self._projected_grads, operands.projections),
            None,
            None,
        )

    def _give(self, reading: Reading, step: int, grad: Tensor) -> None:
        """Hand the gradient of a term to what it reads."""
        place = self.window + step - reading.lag
        if reading.column < 0:
            self._hidden_grads[place] += grad
        else:
            # No other step reads this term of this hidden state.
            self._projected_grads[place, :, reading.column * self.size : (reading.column + 1) * self.size] = grad

    def _unproject(self, start: int, stop: int) -> None:
        """Hand the gradients of projected terms to the hidden states that they read, from ``start`` to ``stop``."""
        if self.operands.projections is not None:
            grads = self._projected_grads[start:stop]
            for first, last, name in self.plan.projected:
                columns = slice(first * self.size, last * self.size)
                _times_derivative(grads[..., columns], self.projected[start:stop, :, columns], name)
            arriving = _transposed_product(grads, self.operands.projections)
            self._hidden_grads[start:stop] += _masked(arriving, self.operands.h_mask)


class _Mixing:
    """The forward pass of some places: value + gate * (candidate - value)."""

    def __init__(self, mixed: Tensor, states: Tensor, runs: tuple[Run, ...]) -> None:
        size = states.shape[-1]
        self.mixed = mixed.unbind(1)
        self._gates = mixed[..., :size].unbind(1)
        self._candidates = mixed[..., size:].unbind(1)
        self._runs = [(mixed[start:stop, ..., size:].unbind(1), name) for start, stop, name in runs]
        self._states = states.unbind(1)

    def mix(self, step: int, values: Tensor) -> None:
        """Turn products into gates and candidates, and these and ``values`` into the states of a step."""
        torch.sigmoid_(self._gates[step])
        for candidates, name in self._runs:
            _activate(candidates[step], name)
        torch.lerp(values, self._candidates[step], self._gates[step], out=self._states[step])


class _LevelPass:
    """The forward pass of a level."""

    def __init__(self, run: _Sequence, number: int) -> None:
        level = run.plan.levels[number]
        self._mixing = _Mixing(run.mixed[1 + number], run.states[level.start : level.stop], level.runs)
        self._weights, self._mask, self._sources = run.weights[number], run.operands.h_mask, run.sources[number]
        self._read = run.read[number].unbind(1)
        first, last = level.sources[0], level.sources[-1]
        # One place, or all that the level before has, needs no gathering.
        is_range = level.sources == tuple(range(first, last + 1))
        self._values = (run.states[first : last + 1] if is_range else run.states).unbind(1)
        self._is_range = is_range

    def compute(self, step: int) -> None:
        """Fill the places of the level at a step."""
        values = self._values[step]
        if not self._is_range:
            values = values.index_select(0, self._sources)
        _masked(values, self._mask, out=self._read[step])
        _product(self._read[step], self._weights, out=self._mixing.mixed[step])
        self._mixing.mix(step, values)


class _Unmixing:
    """The backward pass of some places.

    Attributes:
        grads: Gradients of the products that gates and candidates were made of, (places, steps, batch, 2 n).
    """

    def __init__(self, mixed: Tensor, runs: tuple[Run, ...]) -> None:
        self._mixed, self._runs = mixed, runs
        self.grads = torch.empty_like(mixed)
        places, steps, batch, width = mixed.shape
        self._halves = self.grads.view(places, steps, batch, 2, width // 2).unbind(1)
        self._steps = self.grads.unbind(1)

    def prepare(self, steps: slice, values: Tensor) -> None:
        """Compute what the gradients of the states of some steps will be multiplied by.

        Args:
            steps: Which.
            values: What the places mixed their candidates with, (places, steps, batch, n).
        """
        gates, candidates = self._mixed[:, steps].chunk(2, dim=-1)
        to_gates, to_candidates = self.grads[:, steps].chunk(2, dim=-1)
        kept = 1 - gates
        torch.sub(candidates, values, out=to_gates)
        to_gates.mul_(gates).mul_(kept)
        to_candidates.copy_(gates)
        for start, stop, name in self._runs:
            _times_derivative(to_candidates[start:stop], candidates[start:stop], name)
        self._first, self._kept = steps.start, kept.unbind(1)

    def apply(self, step: int, grads: Tensor) -> tuple[Tensor, Tensor]:
        """Take the gradients of the states of a prepared step, (places, batch, n).

        Returns:
            The gradients of the products, and the share of the gradients of the states that goes to their values.
        """
        self._halves[step].mul_(grads.unsqueeze(2))
        return self._steps[step], self._kept[step - self._first]


_NODE_0: tuple[Run, ...] = ((0, 1, "tanh"),)


def _masked(values: Tensor, mask: Tensor | None, *, out: Tensor | None = None) -> Tensor:
    if mask is not None:
        return torch.mul(values, mask, out=out)
    return values if out is None else out.copy_(values)


def _product(values: Tensor, weights: Tensor, *, out: Tensor) -> None:
    """Write a matrix product, taken in the precision of the weights."""
    if values.dtype == weights.dtype:
        torch.matmul(values, weights, out=out)
    else:
        out.copy_(values.to(weights.dtype) @ weights)


def _add_product(values: Tensor, weights: Tensor, *, out: Tensor) -> None:
    """Add a matrix product, taken in the precision of the weights."""
    if values.dtype == weights.dtype:
        out.addmm_(values, weights)
    else:
        out += values.to(weights.dtype) @ weights


def _transposed_product(values: Tensor, weights: Tensor) -> Tensor:
    """The product with the transposed weights, taken in their precision."""
    return (values.to(weights.dtype) @ weights.transpose(-1, -2)).to(values.dtype)


def _weight_grads(read: Tensor, grads: Tensor, weights: Tensor) -> Tensor:
    """The gradient of weights over all steps, given what they multiplied and the gradients of the products."""
    rows = read.reshape(*weights.shape[:-2], -1, read.shape[-1]).to(weights.dtype)
    return rows.transpose(-1, -2) @ grads.reshape(*weights.shape[:-2], -1, grads.shape[-1]).to(weights.dtype)


def _activate(values: Tensor, name: str) -> None:
    """Apply an activation in place."""
    if name != "identity":
        getattr(torch, f"{name}_")(values)


def _times_derivative(grads: Tensor, values: Tensor, name: str) -> None:
    """Multiply by the derivative of an activation in place, given what it gave."""
    if name == "tanh":
        grads.addcmul_(grads * values, values, value=-1)
    elif name == "sigmoid":
        grads.mul_(values).mul_(1 - values)
    elif name == "relu":
        grads.mul_(values > 0)
