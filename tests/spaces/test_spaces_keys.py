"""An identity key leads back to its architecture, in every space."""

import numpy as np
import pytest

from ganas.spaces.errors import InvalidArchitecture
from ganas.spaces.registry import SPACES, load_space

BUILT_IN = sorted(name for name, entry in SPACES.entries().items() if entry.origin == "ganas")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_key_leads_back(name):
    space = load_space(name)
    drawn = space.sample(50, rng=np.random.default_rng(0))
    keys = [space.identity_key(architecture) for architecture in drawn]
    back = space.from_keys(keys)
    assert [space.identity_key(architecture) for architecture in back] == keys
    assert [space.from_key(key) for key in keys] == back
    assert [space.canonical_key(architecture) for architecture in back] == [
        space.canonical_key(architecture) for architecture in drawn
    ]
    assert space.from_keys([]) == []


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("key", [-1, 2**63, 10**40, 10**400])
def test_a_number_that_is_no_key_is_refused(name, key):
    space = load_space(name)
    if 0 <= key < space.size:
        pytest.skip("in so large a space it is a key")
    with pytest.raises(InvalidArchitecture, match=str(key)):
        space.from_key(key)
    with pytest.raises(InvalidArchitecture, match=str(key)):
        space.from_keys([0, key])


def test_a_rank_of_another_way_to_write_an_architecture_is_no_key():
    space = load_space("graphnas")
    keys = {space.identity_key(architecture) for architecture in space.enumerate()}
    absent = next(rank for rank in range(space.radix[0] * space.choices[0]) if rank not in keys)
    with pytest.raises(InvalidArchitecture, match=f"no architecture of 'graphnas' has the key {absent}"):
        space.from_key(absent)
