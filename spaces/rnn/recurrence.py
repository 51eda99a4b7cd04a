"""The recurrence of a cell over a sequence, with a backward pass of its own.

Left to autograd, every node of every step would leave some ten small operations and a gradient of its weight matrix to
be added up. Here nodes that read the same node are computed together, the steps write into arrays of the whole
sequence, and each weight matrix gets its gradient from one product over all steps. The equations are in
:mod:`ganas.spaces.rnn.layer`. First derivatives only.

This module imports torch.
"""

from __future__ import annotations

from typing import Any

from ganas.spaces.errors import missing_torch
from ganas.spaces.rnn.mixing import (
    NODE_0,
    Mixing,
    Unmixing,
    activate_in_place,
    add_masked,
    add_product,
    masked,
    product,
    require_first_derivative,
    times_derivative,
    transposed_product,
    weight_grads,
)
from ganas.spaces.rnn.operands import Operands
from ganas.spaces.rnn.plan import Plan, Reading

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["recurrence"]

# Numbers that one step of the backward pass should have in the cache: shorter steps are prepared several at a time.
_CACHED = 2**18


def recurrence(plan: Plan, operands: Operands) -> Tensor:
    """Run a cell over a sequence; returns the hidden states, (steps, batch, n).

    Args:
        plan: Of the cell.
        operands: What it is computed from. There are no gradients with respect to masks.
    """
    outputs: Tensor = _Recurrence.apply(plan, *operands.tensors)  # type: ignore[no-untyped-call]
    return outputs


class _Recurrence(torch.autograd.Function):
    """The recurrence as one operation; arguments after the plan are :attr:`Operands.tensors`."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Any) -> Tensor:
        operands = Operands.of(tensors)
        with torch.autocast(operands.inputs.device.type, enabled=False):
            run = _Sequence(plan, operands)
            run.forward()
        ctx.plan = plan
        ctx.save_for_backward(*tensors, *run.made)
        return run.hidden[run.window :]

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        require_first_derivative()
        saved = ctx.saved_tensors
        count = _NUM_OPERANDS + len(ctx.plan.siblings)
        operands = Operands.of(saved[:count])
        with torch.autocast(operands.inputs.device.type, enabled=False):
            run = _Sequence(ctx.plan, operands)
            run.made = saved[count:]
            return (None, *run.backward(grad_outputs))


# Besides the weights of nodes.
_NUM_OPERANDS = 7


class _Sequence:
    """One pass over a sequence.

    Attributes:
        hidden: Hidden states, those of the history first, (m + steps, batch, n).
        projected: The projected terms that read hidden states, after their activation, at the hidden state that they
            read, (m + steps, batch, columns * n).
        summaries: The summary of hidden states, (steps, batch, n); not filled where it is the last hidden state.
        entered: What the weights of node 0 are multiplied by, (steps, batch, n or 2 n).
        states: The value of each place, (steps, batch, places, n).
        read: For each of the siblings what their weights are multiplied by, (steps, batch, n).
        mixed: For node 0 and then for each of the siblings their gates and their candidates, after the activation,
            (steps, batch, 2 k n).
    """

    def __init__(self, plan: Plan, operands: Operands) -> None:
        self.plan, self.operands = plan, operands
        self.window, self.batch, self.size = operands.history.shape
        self.steps = len(operands.inputs)
        self.joined: Tensor | None = None
        if len(plan.joined) < len(plan.nodes):
            self.joined = torch.tensor(plan.joined, device=operands.inputs.device)

    @property
    def made(self) -> tuple[Tensor, ...]:
        """What the forward pass made, for the backward pass."""
        return (self.hidden, self.projected, self.summaries, self.entered, self.states, *self.read, *self.mixed)

    @made.setter
    def made(self, tensors: tuple[Tensor, ...]) -> None:
        self.hidden, self.projected, self.summaries, self.entered, self.states, *others = tensors
        self.read, self.mixed = others[: len(self.plan.siblings)], others[len(self.plan.siblings) :]

    # --- forward -------------------------------------------------------------------------------------------------

    def forward(self) -> None:
        """Compute everything."""
        self._allocate()
        plan, operands, window, size = self.plan, self.operands, self.window, self.size
        # Views of all steps are made in one go: one by one they would cost as much as the arithmetic.
        hidden, entered, summaries = self.hidden.unbind(), self.entered.unbind(), self.summaries.unbind()
        mixings = [Mixing(self.mixed[0], self.states[:, :, :1], NODE_0)]
        for mixed, each in zip(self.mixed[1:], plan.siblings, strict=True):
            mixings.append(Mixing(mixed, self.states[:, :, each.start : each.stop], each.runs))
        nodes = [
            (self.states[:, :, each.source].unbind(), read.unbind(), weights, mixing)
            for each, read, weights, mixing in zip(
                plan.siblings, self.read, operands.node_weights, mixings[1:], strict=True
            )
        ]
        node_0 = mixings[0]
        averaged = self.states[:, :, 1:].unbind()
        mask = operands.h_mask
        shortest = min(reading.lag for reading in (plan.h, plan.x_gate) if reading is not None)
        for place in range(window):
            self._project(place)
        if plan.x_gate is None:
            self.mixed[0].copy_(operands.inputs)
        for step in range(self.steps):
            summary = self._value(plan.h, step)
            if operands.gate is not None:
                summary = torch.mul(summary, operands.gate[step], out=summaries[step])
            elif not self._reads_last:
                summary = summaries[step].copy_(summary)
            if plan.x_gate is None:
                masked(summary, mask, out=entered[step])
                add_product(entered[step], operands.initial_weight, out=node_0.mixed[step])
            else:
                x_summary = operands.inputs[step] * self._value(plan.x_gate, step)
                masked(x_summary, operands.x_mask, out=entered[step][:, :size])
                masked(summary, mask, out=entered[step][:, size:])
                product(entered[step], operands.initial_weight, out=node_0.mixed[step])
            node_0.mix(step, summary)
            for values, read, weights, mixing in nodes:
                masked(values[step], mask, out=read[step])
                product(read[step], weights, out=mixing.mixed[step])
                mixing.mix(step, values[step])
            states = averaged[step] if self.joined is None else self.states[step].index_select(1, self.joined)
            torch.mean(states, dim=1, out=hidden[window + step])
            if step + shortest < self.steps:
                self._project(window + step)

    @property
    def _reads_last(self) -> bool:
        """Whether the summary of hidden states is the last one itself."""
        return self.operands.gate is None and self.plan.h.column < 0 and self.plan.h.lag == 1

    def _allocate(self) -> None:
        operands, steps, batch, size = self.operands, self.steps, self.batch, self.size
        empty, zeros = operands.history.new_empty, operands.history.new_zeros
        columns = 0 if operands.projections is None else operands.projections.shape[1]
        self.hidden = empty(self.window + steps, batch, size)
        self.hidden[: self.window] = operands.history
        # What no step reads stays zero.
        self.projected = zeros(self.window + steps, batch, columns)
        self.summaries = empty(steps, batch, size)
        self.entered = empty(steps, batch, len(operands.initial_weight))
        self.states = empty(steps, batch, 1 + len(self.plan.nodes), size)
        self.read = [empty(steps, batch, size) for _ in self.plan.siblings]
        counts = [1, *(each.stop - each.start for each in self.plan.siblings)]
        self.mixed = [empty(steps, batch, 2 * count * size) for count in counts]

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
            product(masked(self.hidden[place], self.operands.h_mask), self.operands.projections, out=values)
            for start, stop, name in self.plan.projected:
                activate_in_place(values[:, start * self.size : stop * self.size], name)

    # --- backward ------------------------------------------------------------------------------------------------

    def backward(self, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of :attr:`Operands.tensors`."""
        plan, operands, window, size = self.plan, self.operands, self.window, self.size
        mask = operands.h_mask
        node_0 = Unmixing(self.mixed[0], size, NODE_0)
        nodes = [
            (each, Unmixing(mixed, size, each.runs), weights)
            for each, mixed, weights in zip(plan.siblings, self.mixed[1:], operands.node_weights, strict=True)
        ]
        self._hidden_grads = torch.zeros_like(self.hidden)
        self._hidden_grads[window:] = grad_outputs
        self._projected_grads = torch.zeros_like(self.projected)
        gate_grads = None if operands.gate is None else torch.empty_like(operands.gate)
        input_grads = None if plan.x_gate is None else torch.empty_like(operands.inputs)
        summaries = self.hidden[window - 1 : -1] if self._reads_last else self.summaries
        hidden_grads = self._hidden_grads.unbind()
        # Of the states of one step; each step writes it anew.
        grads = self.states.new_empty(self.states.shape[1:])
        by_place = grads.unbind(1)
        averaged, first = grads[:, 1:], grads[:, :1]
        parts = [
            (grads[:, each.start : each.stop], by_place[each.source], unmixing, weights)
            for each, unmixing, weights in reversed(nodes)
        ]
        together = max(1, _CACHED // grads.numel())
        for step in range(self.steps - 1, -1, -1):
            if (self.steps - 1 - step) % together == 0:
                steps = slice(max(0, step + 1 - together), step + 1)
                node_0.prepare(steps, summaries[steps])
                for each, unmixing, _ in nodes:
                    unmixing.prepare(steps, self.states[steps, :, each.source])
            self._unproject(window + step, window + step + 1)
            share = (hidden_grads[window + step] / len(plan.joined)).unsqueeze(1)
            if self.joined is None:
                by_place[0].zero_()
                averaged.copy_(share)
            else:
                grads.zero_()
                grads[:, self.joined] = share
            for mine, arriving, unmixing, weights in parts:
                mixed_grads, kept = unmixing.apply(step, mine)
                add_masked(arriving, transposed_product(mixed_grads, weights), mask)
                arriving += kept
            mixed_grads, kept = node_0.apply(step, first)
            entering = transposed_product(mixed_grads, operands.initial_weight)
            add_masked(kept, entering[:, -size:], mask)
            if gate_grads is not None and operands.gate is not None:
                torch.mul(kept, self._value(plan.h, step), out=gate_grads[step])
                kept = kept * operands.gate[step]
            self._give(plan.h, step, kept)
            if plan.x_gate is not None and input_grads is not None:
                arriving = masked(entering[:, :size], operands.x_mask)
                torch.mul(arriving, self._value(plan.x_gate, step), out=input_grads[step])
                self._give(plan.x_gate, step, arriving * operands.inputs[step])
        self._unproject(0, window)
        projections = operands.projections
        return (
            node_0.grads if input_grads is None else input_grads,
            gate_grads,
            self._hidden_grads[:window],
            weight_grads(self.entered, node_0.grads, operands.initial_weight),
            None
            if projections is None
            else weight_grads(masked(self.hidden, mask), self._projected_grads, projections),
            None,
            None,
            *(weight_grads(read, unmixing.grads, w) for read, (_, unmixing, w) in zip(self.read, nodes, strict=True)),
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
                times_derivative(grads[..., columns], self.projected[start:stop, :, columns], name)
            arriving = transposed_product(grads, self.operands.projections)
            add_masked(self._hidden_grads[start:stop], arriving, self.operands.h_mask)
