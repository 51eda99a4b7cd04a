"""How fast text networks train, beside a plain implementation of the same equations, on one core.

Run it as ``python perf/text.py [--quick]``; it needs the extra ``torch`` and exits with 1 when a figure is outside its
bar. On Linux the process keeps to one core. Both are run by turns; seconds are of the processor, what a clock on the
wall shows on a machine that does nothing else, and the best of all rounds. Prints two Markdown tables: training steps
(forward, backward, Adam) of whole networks, and every operator alone, forward and backward. ``--quick`` takes fewer
rounds.

The plain implementation has a module for each part, with channels before time and packed sequences, as the official
code of TextNAS does, and leaves the gradients to torch.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ganas.spaces.textnas.genotype import OPERATORS, TextGenotype
from ganas.spaces.textnas.heads import Classifier
from ganas.spaces.textnas.masking import Words
from ganas.spaces.textnas.network import TextClassifier, build_network
from ganas.spaces.textnas.normalisation import MaskedBatchNorm
from ganas.spaces.textnas.notation import parse_genotype
from ganas.spaces.textnas.operators import Dropouts, make_operator
from ganas.spaces.textnas.supernet import TextSupernet

BAR = 1.0
BATCH, LENGTH, CHANNELS, INPUTS, CLASSES = 64, 32, 32, 300, 5


def masked(values: Tensor, mask: Tensor) -> Tensor:
    """Values (batch, channels, time) with zeros where the mask (batch, time) is false."""
    return values.where(mask.unsqueeze(1), torch.zeros_like(values))


class PlainNorm(nn.Module):
    """Batch normalisation of masked values."""

    def __init__(self, ours: MaskedBatchNorm) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(len(ours.weight), dtype=ours.weight.dtype)
        self.norm.load_state_dict(ours.state_dict(), strict=False)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Mask, normalise, mask."""
        return masked(self.norm(masked(values, mask)), mask)


class PlainConvolution(nn.Module):
    """Convolution, normalisation, ReLU, dropout."""

    def __init__(self, ours: Any) -> None:
        super().__init__()
        weight = ours.projection.weight
        outputs, inputs, size = weight.shape
        self.convolution = nn.Conv1d(inputs, outputs, size, padding=size // 2, dtype=weight.dtype)
        self.convolution.load_state_dict(ours.projection.state_dict())
        self.norm, self.dropout = PlainNorm(ours.normalisation), nn.Dropout(ours.rate)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """One after the other."""
        dropped: Tensor = self.dropout(self.norm(self.convolution(values), mask).relu())
        return dropped


class PlainPool(nn.Module):
    """One of torch's pooling modules, masked."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Pool, mask."""
        return masked(self.pool(values), mask)


class PlainGRU(nn.Module):
    """GRU over packed sequences, both directions added, dropout."""

    def __init__(self, ours: Any) -> None:
        super().__init__()
        weight = ours.gru.input_weight
        channels = weight.shape[2]
        self.gru = nn.GRU(channels, channels, batch_first=True, bidirectional=True, dtype=weight.dtype)
        names = {
            "weight_ih": "input_weight",
            "weight_hh": "hidden_weight",
            "bias_ih": "input_bias",
            "bias_hh": "hidden_bias",
        }
        for mine, other in names.items():
            for suffix, weights in zip(("", "_reverse"), getattr(ours.gru, other), strict=True):
                getattr(self.gru, f"{mine}_l0{suffix}").data.copy_(weights)
        self.dropout = nn.Dropout(ours.rate)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Pack, run, unpack."""
        _, channels, length = values.shape
        packed = pack_padded_sequence(values.transpose(1, 2), mask.sum(1), batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=length)
        dropped: Tensor = self.dropout(outputs.view(-1, length, 2, channels).sum(2))
        return dropped.transpose(1, 2)


class PlainAttention(nn.Module):
    """Attention with every score and mask written out."""

    def __init__(self, ours: Any) -> None:
        super().__init__()
        weights, biases = ours.projection.weight.squeeze(2).chunk(3), ours.projection.bias.chunk(3)
        self.linears = nn.ModuleList()
        for weight, bias in zip(weights, biases, strict=True):
            linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
            linear.load_state_dict({"weight": weight, "bias": bias})
            self.linears.append(linear)
        self.norm, self.dropout = PlainNorm(ours.normalisation), nn.Dropout(ours.rate)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Heads one below the other in the batch."""
        sequences, size = values.transpose(1, 2), values.shape[1] // 4
        query, key, value = (torch.cat(linear(sequences).relu().split(size, 2)) for linear in self.linears)
        scores = query @ key.transpose(1, 2) / size**0.5
        by_head = mask.repeat(4, 1)
        scores = torch.where(by_head.unsqueeze(1), scores, torch.full_like(scores, -(2.0**32) + 1))
        weights = self.dropout(scores.softmax(-1) * by_head.unsqueeze(2).to(scores.dtype))
        joined = torch.cat((weights @ value).split(len(values)), 2)
        outputs: Tensor = self.norm(joined.transpose(1, 2), mask)
        return outputs


def plain_operator(name: str, ours: nn.Module) -> nn.Module:
    """The plain module with the weights of one of ours."""
    if name == "average_pool":
        return PlainPool(nn.AvgPool1d(3, 1, 1))
    if name == "max_pool":
        return PlainPool(nn.MaxPool1d(3, 1, 1))
    return {"gru": PlainGRU, "attention": PlainAttention}.get(name, PlainConvolution)(ours)


class PlainClassifier(nn.Module):
    """The plain network with the weights of one of ours."""

    def __init__(self, ours: TextClassifier) -> None:
        super().__init__()
        encoder = ours.encoder
        self.genotype = encoder.genotype
        self.embedding_dropout = nn.Dropout(encoder.dropouts.embedding)
        self.initial = PlainConvolution(encoder.initial)
        self.operators = nn.ModuleList(
            plain_operator(layer.operator, operator)
            for layer, operator in zip(self.genotype.layers, encoder.operators, strict=True)
        )
        norms: dict[str, Any] = dict(encoder.normalisations.items())
        self.norms = nn.ModuleDict({number: PlainNorm(norm) for number, norm in norms.items()})
        self.combination = nn.Parameter(encoder.combination.detach().clone())
        linear = ours.classifier.linear
        self.classifier = nn.Linear(encoder.channels, len(linear.bias), dtype=linear.bias.dtype)
        self.classifier.load_state_dict({"weight": linear.weight.squeeze(2), "bias": linear.bias})

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Embedded words (batch, time, inputs) and their mask to logits."""
        initial = self.initial(self.embedding_dropout(values).transpose(1, 2), mask)
        outputs: list[Tensor] = []
        for number, (layer, operator) in enumerate(zip(self.genotype.layers, self.operators, strict=True)):
            source = self.genotype.source(number)
            added = [other for other, is_added in zip(outputs, layer.skips, strict=True) if is_added]
            total: Any = sum([operator(initial if source < 0 else outputs[source], mask), *added])
            outputs.append(self.norms[str(number)](total, mask) if str(number) in self.norms else total)
        shares = self.combination.softmax(0).view(-1, 1, 1, 1)
        combined = (torch.stack(outputs) * shares).sum(0)
        logits: Tensor = self.classifier(combined.sum(2) / mask.sum(1, keepdim=True))
        return logits


def batch(channels: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Texts of 8 to 32 words, zero at padding, (batch, time, channels), and their mask."""
    draws = torch.Generator().manual_seed(seed)
    lengths = torch.randint(8, LENGTH + 1, (BATCH, 1), generator=draws)
    mask = torch.arange(LENGTH) < lengths
    return torch.randn(BATCH, LENGTH, channels, generator=draws) * mask.unsqueeze(2), mask


def best_by_turns(runs: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Milliseconds of each, the best of all rounds."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            begun = time.process_time()
            run()
            best[name] = min(best[name], 1e3 * (time.process_time() - begun))
    return best


def training_step(network: nn.Module, *arguments: Any) -> Callable[[], None]:
    """Forward, backward and Adam on some texts."""
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, eps=1e-3)
    values, mask = batch(INPUTS)
    labels = torch.randint(0, CLASSES, (BATCH,), generator=torch.Generator().manual_seed(1))

    def step() -> None:
        optimiser.zero_grad()
        functional.cross_entropy(network(values, mask, *arguments), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


class SupernetClassifier(nn.Module):
    """A supernet and a classifier of its vectors."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.supernet = TextSupernet(layers, CHANNELS, inputs=INPUTS)
        self.classifier = Classifier(CHANNELS, CLASSES)

    def forward(self, values: Tensor, mask: Tensor, genotype: TextGenotype) -> Tensor:
        """Logits of one architecture."""
        logits: Tensor = self.classifier(self.supernet(values, mask, genotype))
        return logits


def operator_runs(name: str) -> dict[str, Callable[[], None]]:
    """One operator alone in training, forward and backward, plain and here."""
    values, mask = batch(CHANNELS)
    ours = make_operator(name, CHANNELS, Dropouts())
    plain, words = plain_operator(name, ours), Words(mask, values)
    mine, theirs = values.clone().requires_grad_(), values.transpose(1, 2).contiguous().requires_grad_()

    def run_ours() -> None:
        ours.zero_grad()
        mine.grad = None
        ours(mine, words).backward(values)

    def run_plain() -> None:
        plain.zero_grad()
        theirs.grad = None
        plain(theirs, mask).backward(theirs.detach())

    return {"plain": run_plain, "here": run_ours}


def rows(rounds: int) -> Iterator[tuple[str, str, float, float, float | None]]:
    """Which table, what is measured, milliseconds plain and here, and the bar of their ratio, if any."""
    genotype = parse_genotype("released")
    network = build_network(genotype, num_classes=CLASSES, channels=CHANNELS, inputs=INPUTS)
    found = best_by_turns({"plain": training_step(PlainClassifier(network)), "here": training_step(network)}, rounds)
    yield "training step", "released architecture", found["plain"], found["here"], BAR
    # Beside each other: the single network of the same architecture stands in the place of the plain one.
    supernet = SupernetClassifier(len(genotype.layers))
    found = best_by_turns({"network": training_step(network), "supernet": training_step(supernet, genotype)}, rounds)
    yield "training step", "supernet, beside the network", found["network"], found["supernet"], None
    for name in OPERATORS:
        found = best_by_turns(operator_runs(name), 5 * rounds)
        yield "operator", name, found["plain"], found["here"], BAR


def main() -> int:
    """Print the tables of figures; return 1 if one is outside its bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="take fewer rounds")
    rounds = 5 if parser.parse_args().quick else 30
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(
        f"Python {sys.version.split()[0]}, torch {torch.__version__}, one core and thread, batch {BATCH}, "
        f"length {LENGTH}, {CHANNELS} channels, milliseconds"
    )
    passed, last = True, ""
    for table, name, there, here, bar in rows(rounds):
        if table != last:
            print(f"\n| {table} | plain | here | ratio | bar |\n|---|---:|---:|---:|---:|")
        last = table
        holds = bar is None or there / here >= bar
        passed &= holds
        shown = "" if bar is None else f">= {bar:g}{'' if holds else ', outside'}"
        print(f"| {name} | {there:.2f} | {here:.2f} | {there / here:.2f} | {shown} |", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
