"""A Gaussian process with a Weisfeiler-Lehman kernel."""

from __future__ import annotations

from typing import ClassVar

from ganas.bench.surrogate.gaussian_process import GaussianProcess

__all__ = ["WeisfeilerLehman"]


class WeisfeilerLehman(GaussianProcess):
    """Regression with a kernel on how often neighbourhoods occur in the functional graph.

    The neighbourhoods are the labels of Weisfeiler and Lehman's test after up to two rounds (Shervashidze et al.,
    "Weisfeiler-Lehman Graph Kernels", Journal of Machine Learning Research, 2011, section 3.2; for architectures Ru,
    Wan, Dong and Osborne, "Interpretable Neural Architecture Search via Bayesian Optimisation with Weisfeiler-Lehman
    Kernels", ICLR 2021, https://arxiv.org/abs/2006.07556). Labels themselves and neighbourhoods are a block each, with
    a linear and a squared exponential kernel; counts are standardised, and only neighbourhoods that are frequent among
    random architectures of the space count.
    """

    name: ClassVar[str] = "weisfeiler-lehman"
    title: ClassVar[str] = "Gaussian process with a Weisfeiler-Lehman kernel (after Ru et al., 2021)"
    reads: ClassVar[tuple[str, ...]] = ("counts", "weisfeiler-lehman")
