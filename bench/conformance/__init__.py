"""The checks of the conformance kit of benchmarks, by subject; :mod:`ganas.bench.testing` runs them."""
