"""The checks of the conformance kit for spaces; :mod:`ganas.spaces.testing` is the way in."""
