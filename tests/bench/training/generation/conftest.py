"""The classifier of digits, which is trained once for all tests of a session."""

import shutil

import pytest


@pytest.fixture(scope="session")
def classifier_home(tmp_path_factory):
    """A home in which the classifier of digits is kept."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    from ganas.bench.training.generation.classifier import trained_classifier
    from ganas.data.images.catalog import load_images

    home = tmp_path_factory.mktemp("classifiers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANAS_HOME", str(home))
        trained_classifier(load_images("digits"))
    return home


@pytest.fixture
def classifier_at_hand(classifier_home, tmp_path, monkeypatch):
    """A home of the test's own, with that classifier; returns the home."""
    home = tmp_path / "home"
    shutil.copytree(classifier_home, home)
    monkeypatch.setenv("GANAS_HOME", str(home))
    return home
