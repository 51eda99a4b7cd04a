"""The Inception network of FID: its layers, what is particular to it, and the file of its weights."""

import hashlib
import pickle

import numpy as np
import pytest

from ganas.bench.training.generation.weights_file import WEIGHTS_FILE, missing_inception, weights_path
from ganas.data.images.image_set import NO_CLASS, ImageSet
from ganas.spaces.errors import DataError, InvalidSetting
from tests.data.images.image_files import pictures

torch = pytest.importorskip("torch")

from ganas.bench.training.generation import inception  # noqa: E402
from ganas.bench.training.generation.inception import (  # noqa: E402
    InceptionExtractor,
    InceptionNetwork,
    load_inception,
)
from ganas.bench.training.generation.inception_blocks import Convolution, SmallBlock, WideBlock  # noqa: E402
from ganas.bench.training.generation.sample_scores import SampleScorer  # noqa: E402


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return InceptionNetwork().eval()


def test_it_has_the_layers_of_the_published_weights(network):
    shapes = {name: tuple(values.shape) for name, values in network.state_dict().items()}
    assert sum(not name.endswith("num_batches_tracked") for name in shapes) == 94 * 5 + 2
    for name, shape in {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5b.branch_pool.conv.weight": (32, 192, 1, 1),
        "Mixed_5d.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_6a.branch3x3dbl_3.bn.bias": (96,),
        "Mixed_6b.branch7x7_2.conv.weight": (128, 128, 1, 7),
        "Mixed_6e.branch7x7dbl_4.conv.weight": (192, 192, 7, 1),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7b.branch3x3_2b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch3x3dbl_3a.conv.weight": (384, 384, 1, 3),
        "fc.weight": (1008, 2048),
        "fc.bias": (1008,),
    }.items():
        assert shapes[name] == shape


def test_it_has_the_parameters_that_torchvision_documents(network):
    # 27,161,264 of inception_v3 with its second classifier, which has 3,326,696; and 8 classes more than 1,000.
    found = sum(values.numel() for values in network.parameters())
    assert found == 27_161_264 - 3_326_696 + 8 * (2048 + 1)


def test_features_and_probabilities_of_small_images(network):
    extractor = InceptionExtractor(network, "0")
    pixels = torch.from_numpy(pictures(3, 3, 32))
    found = extractor.extract(pixels)
    assert found.features.shape == (3, 2048) and found.probabilities.shape == (3, 1008)
    torch.testing.assert_close(found.probabilities.sum(dim=1), torch.ones(3))
    assert torch.isfinite(found.features).all() and (found.features >= 0).all()
    grey = pixels[:1, :1]
    torch.testing.assert_close(extractor.extract(grey).features, extractor.extract(grey.expand(-1, 3, -1, -1)).features)
    with pytest.raises(DataError, match="one or three channels"):
        extractor.extract(pixels[:, :2])


def test_probabilities_leave_out_the_bias(network):
    images = torch.zeros(1, 3, 299, 299)
    with torch.inference_mode():
        features, logits = network(images)
        torch.testing.assert_close(logits, features @ network.fc.weight.T)
    assert network.fc.bias.abs().max() > 0


def passes_through(convolution):
    """Make a convolution of one pixel a copy of its first channels."""
    with torch.no_grad():
        torch.nn.init.dirac_(convolution.conv.weight)
        convolution.bn.eps = 0.0
    return convolution


def test_pools_do_not_count_the_padding():
    block = SmallBlock(8, 8).eval()
    passes_through(block.branch_pool)
    with torch.no_grad():
        pooled = block(torch.ones(1, 8, 5, 5))[:, -8:]
    torch.testing.assert_close(pooled, torch.ones(1, 8, 5, 5))


@pytest.mark.parametrize("takes_maximum", [True, False])
def test_only_the_last_block_takes_the_maximum(takes_maximum):
    block = WideBlock(8, takes_maximum=takes_maximum).eval()
    passes_through(block.branch_pool)
    images = torch.rand(1, 8, 4, 4)
    with torch.no_grad():
        pooled = block(images)[:, -192:][:, :8]
    window = images[:, :, :2, :2]  # what a pool of 3 x 3 sees in the corner
    corner = window.amax(dim=(2, 3)) if takes_maximum else window.mean(dim=(2, 3))
    torch.testing.assert_close(pooled[:, :, 0, 0], corner)


def test_which_block_takes_it(network):
    blocks = {name: block._takes_maximum for name, block in network.named_children() if isinstance(block, WideBlock)}
    assert blocks == {"Mixed_7b": False, "Mixed_7c": True}
    assert all(layer.bn.eps == 0.001 for layer in network.modules() if isinstance(layer, Convolution))


def known(monkeypatch, path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "DIGEST_BEGINS", digest[:8])
    return digest


def test_weights_are_read_from_the_file_that_is_named(network, tmp_path, monkeypatch):
    path = tmp_path / WEIGHTS_FILE
    weights = {name: value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(weights, path)
    digest = known(monkeypatch, path)
    before = torch.get_rng_state()
    extractor = load_inception(path)
    assert torch.equal(torch.get_rng_state(), before)
    assert extractor.weights_digest == digest and extractor.facts() == {"extractor_weights_sha256": digest}
    pixels = torch.from_numpy(pictures(1, 3, 32))
    torch.testing.assert_close(
        extractor.extract(pixels).features, InceptionExtractor(network, "0").extract(pixels).features
    )


def test_a_missing_file_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    assert weights_path() == tmp_path / "weights" / "pt_inception-2015-12-05-6726825d.pth"
    message = str(missing_inception())
    assert str(weights_path()) in message and "https://github.com/mseitzer/pytorch-fid/releases" in message
    with pytest.raises(DataError, match=r"need pt_inception-2015-12-05-6726825d\.pth: there is no"):
        load_inception()
    with pytest.raises(DataError, match=r"there is no file .*mine\.pth; get it from"):
        load_inception(tmp_path / "mine.pth")


class Payload:
    def __reduce__(self):
        return print, ("run",)


def test_a_wrong_file_is_one_clear_line(tmp_path, monkeypatch, capsys):
    path = tmp_path / WEIGHTS_FILE
    torch.save({"fc.bias": torch.zeros(1008)}, path)
    with pytest.raises(DataError, match=r"not the published file: its SHA-256 begins with .* should with 6726825d"):
        load_inception(path)
    contents = [path.read_bytes(), path.read_bytes()[:300], b"", b"a text", pickle.dumps(Payload())]
    torch.save({"fc.bias": torch.zeros(10)}, path)
    contents.append(path.read_bytes())
    torch.save([1, 2], path)
    contents.append(path.read_bytes())
    for content in contents:
        path.write_bytes(content)
        known(monkeypatch, path)
        with pytest.raises(DataError, match="has no weights of this network") as caught:
            load_inception(path)
        assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_fid_needs_more_samples_than_features(network):
    images = ImageSet("few", pictures(8, 3, 8), np.full(8, NO_CLASS), ())
    scorer = SampleScorer(InceptionExtractor(network, "0"), *images.halves())
    with pytest.raises(InvalidSetting, match="2,048 features needs more than 2,048 samples, and there are 4"):
        scorer.score([torch.zeros(8, 3, 8, 8)], 3000)
