"""The network of a text architecture: from embedded words to one vector, and to logits.

Wang et al., "TextNAS: A Neural Architecture Search Space tailored for Text Representation", AAAI 2020,
https://arxiv.org/abs/1912.10729, as its official code computes it (``child_model/textnas_child.py``,
https://github.com/microsoft/TextNAS): an initial convolution of kernel 1, the layers, a sum of all their outputs whose
shares are the softmax of learned numbers, and the mean over words. Embeddings are not part of it: their rows for words
belong to a vocabulary.

A layer with skip connections adds them to what its operator gives and normalises the sum. The official code normalises
only there; the one in https://github.com/microsoft/nni does so behind every layer, which ``normalise_always`` switches
on. At 256 channels, 300 inputs and 5 classes the released architecture has 6,139,421 parameters the first way and
6,140,957 the second: three of its 24 layers have no skip connection.

What pads a text changes nothing in evaluation; in training it counts in batch statistics
(:mod:`ganas.spaces.textnas.normalisation`).

This module imports torch.
"""

from __future__ import annotations

from collections.abc import Iterable

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.textnas.genotype import TextGenotype
from ganas.spaces.textnas.heads import Classifier
from ganas.spaces.textnas.masking import Words, dropout
from ganas.spaces.textnas.normalisation import MaskedBatchNorm
from ganas.spaces.textnas.operators import Convolution, Dropouts, make_operator

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["TextClassifier", "TextEncoder", "TextNetwork", "build_network"]


def build_network(
    genotype: TextGenotype,
    *,
    num_classes: int = 5,
    channels: int = 256,
    inputs: int = 300,
    dropouts: Dropouts | None = None,
    normalise_always: bool = False,
    generator: torch.Generator | None = None,
) -> TextClassifier:
    """Build the classifier of an architecture, by default as the official scripts evaluate it on SST-5.

    Args:
        genotype: The architecture.
        num_classes: How many classes there are.
        channels: Of every layer.
        inputs: Of the embedded words.
        dropouts: Dropout rates; None for those of the official scripts.
        normalise_always: Whether layers without skip connections are normalised as well.
        generator: Where the weights are drawn from, and on whose device they lie; None for torch's global generator
            and default device.

    Raises:
        InvalidSetting: A size does not fit.
    """
    rates = Dropouts() if dropouts is None else dropouts

    def make() -> TextClassifier:
        encoder = TextNetwork(genotype, channels, inputs=inputs, dropouts=rates, normalise_always=normalise_always)
        return TextClassifier(encoder, Classifier(channels, num_classes, rates.final))

    if generator is None:
        return make()
    # Modules draw their weights from the global generator when they are built; on the meta device they draw nothing.
    with torch.device("meta"):
        network = make()
    network.to_empty(device=generator.device)
    for module in network.modules():
        reset = getattr(module, "reset", None)
        if reset is not None:
            reset(generator)
    return network


class TextEncoder(nn.Module):
    """What the network of one architecture and the supernet of all share.

    Args:
        layers: How many layers there are.
        channels: Of every layer.
        inputs: Of the embedded words.
        dropouts: Dropout rates; None for those of the official scripts. ``final`` is that of a head.
        normalise_always: Whether layers without skip connections are normalised as well.

    Attributes:
        initial: The convolution that reads embedded words.
        combination: What the shares of the layers in the output are the softmax of, (layers,).

    Raises:
        InvalidSetting: A size is below 1.
    """

    def __init__(
        self, layers: int, channels: int, *, inputs: int, dropouts: Dropouts | None, normalise_always: bool
    ) -> None:
        super().__init__()
        for name, size in (("layers", layers), ("channels", channels), ("inputs", inputs)):
            if size < 1:
                raise InvalidSetting(f"{name} must be at least 1, not {size}")
        self.channels, self.inputs, self.normalise_always = channels, inputs, normalise_always
        self.dropouts = Dropouts() if dropouts is None else dropouts
        self.initial = Convolution(inputs, channels, 1, self.dropouts.convolution)
        self.combination = nn.Parameter(torch.empty(layers))
        self.reset()

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Give all layers the same share; nothing is drawn, and the modules inside stay as they are."""
        nn.init.constant_(self.combination, 1 / len(self.combination))

    def encode(
        self,
        values: Tensor,
        mask: Tensor,
        genotype: TextGenotype,
        operators: Iterable[nn.Module],
        normalisations: nn.ModuleDict,
    ) -> Tensor:
        """Run an architecture.

        Args:
            values: Embedded words, (batch, time, inputs).
            mask: True for words, (batch, time).
            genotype: The architecture.
            operators: Of each layer.
            normalisations: By the number of a layer, at least where the architecture has one.

        Returns:
            One vector a text, (batch, channels).

        Raises:
            InvalidSetting: The values or the mask have another shape or type.
        """
        if values.ndim != 3 or values.shape[2] != self.inputs or values.shape[:2] != mask.shape:
            raise InvalidSetting(
                f"embedded words must be (batch, time, {self.inputs}) and their mask (batch, time), "
                f"not {tuple(values.shape)} and {tuple(mask.shape)}"
            )
        words = Words(mask, values)
        initial = self.initial(dropout(values, self.dropouts.embedding, self.training), words)
        outputs: list[Tensor] = []
        for number, (layer, operator) in enumerate(zip(genotype.layers, operators, strict=True)):
            source = genotype.source(number)
            output = operator(initial if source < 0 else outputs[source], words)
            skipped = [other for other, is_added in zip(outputs, layer.skips, strict=True) if is_added]
            for place, other in enumerate(skipped):
                # The first sum is a new tensor: that of an operator may be needed for its gradient.
                output = output.add_(other) if place else output + other
            if skipped or self.normalise_always:
                output = normalisations[str(number)](output, words)
            outputs.append(output)
        # Everything is zero at padding. The mean over words comes first: it leaves much less to be combined.
        sums = torch.stack([output.sum(1) for output in outputs])
        return torch.einsum("l,lbc->bc", self.combination.softmax(0), sums) / words.lengths


class TextNetwork(TextEncoder):
    """The network of one architecture, from embedded words to one vector a text.

    Args:
        genotype: The architecture.
        channels: Of every layer.
        inputs: Of the embedded words.
        dropouts: As for :class:`TextEncoder`.
        normalise_always: As there.

    Raises:
        InvalidSetting: A size does not fit.
    """

    def __init__(
        self,
        genotype: TextGenotype,
        channels: int,
        *,
        inputs: int = 300,
        dropouts: Dropouts | None = None,
        normalise_always: bool = False,
    ) -> None:
        super().__init__(
            len(genotype.layers), channels, inputs=inputs, dropouts=dropouts, normalise_always=normalise_always
        )
        self.genotype = genotype
        self.operators = nn.ModuleList(
            make_operator(layer.operator, channels, self.dropouts) for layer in genotype.layers
        )
        self.normalisations = nn.ModuleDict(
            {
                str(number): MaskedBatchNorm(channels)
                for number, layer in enumerate(genotype.layers)
                if normalise_always or any(layer.skips)
            }
        )

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Embedded words (batch, time, inputs) and their mask (batch, time) to vectors (batch, channels)."""
        return self.encode(values, mask, self.genotype, self.operators, self.normalisations)


class TextClassifier(nn.Module):
    """An encoder and a classifier of its vectors; made by :func:`build_network`."""

    def __init__(self, encoder: TextNetwork, classifier: Classifier) -> None:
        super().__init__()
        self.encoder, self.classifier = encoder, classifier

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Embedded words (batch, time, inputs) and their mask (batch, time) to logits (batch, num_classes)."""
        logits: Tensor = self.classifier(self.encoder(values, mask))
        return logits
