"""Graph encoders: batches of labelled DAGs to vectors, for surrogates, discriminators and generators.

Every module in here imports torch; ``ganas.bench`` imports none of them.
"""

from ganas.spaces.errors import missing_torch

try:
    import torch  # noqa: F401
except ImportError as error:
    raise missing_torch("encoding graphs") from error
