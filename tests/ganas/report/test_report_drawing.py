import itertools
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from ganas.report.drawing import draw_architecture
from ganas.report.layout import layered_layout
from ganas.spaces.architecture import Architecture
from ganas.spaces.nasbench201.space import NASBench201

SVG = "{http://www.w3.org/2000/svg}"
GREY = "#c4c8ce"


def boxes_of(drawing):
    root = ElementTree.fromstring(drawing)
    return root, root.findall(f"{SVG}rect"), [text.text for text in root.findall(f"{SVG}text")]


def random_graphs():
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 7, 12, 20):
        for density in (0.1, 0.3, 0.7):
            pairs = itertools.combinations(range(size), 2)
            yield size, [pair for pair in pairs if rng.random() < density]


@pytest.mark.parametrize(("size", "edges"), list(random_graphs()))
def test_layout_goes_forward_and_keeps_nodes_apart(size, edges):
    layout = layered_layout(size, edges)
    assert all(layout.layers[source] < layout.layers[target] for source, target in edges)
    for layer in set(layout.layers):
        places = sorted(layout.positions[node] for node in range(size) if layout.layers[node] == layer)
        assert all(b - a > 1.0 - 1e-9 for a, b in itertools.pairwise(places))
    for (source, target), route in layout.routes.items():
        assert [layer for layer, _ in route] == list(range(layout.layers[source], layout.layers[target] + 1))
        assert route[0][1] == layout.positions[source]
        assert route[-1][1] == layout.positions[target]
    # A long edge runs between the nodes of the layers that it passes, not through one.
    for route in layout.routes.values():
        for layer, place in route[1:-1]:
            others = [layout.positions[node] for node in range(size) if layout.layers[node] == layer]
            assert all(abs(place - other) > 0.7 for other in others)


def test_layout_without_crossings_where_none_are_needed():
    # Two parallel chains whose numbers are interleaved the wrong way round.
    layout = layered_layout(6, [(0, 1), (0, 2), (1, 4), (2, 3), (3, 5), (4, 5)])
    positions = layout.positions
    assert (positions[1] - positions[2]) * (positions[4] - positions[3]) > 0


def test_layers_are_longest_paths_of_the_nasbench201_cell():
    cell = NASBench201().decode([3] * 6)
    assert layered_layout(8, cell.edges).layers == (0, 1, 1, 2, 1, 2, 3, 4)


def test_every_node_and_edge_is_drawn():
    space = NASBench201()
    cell = space.decode([2, 3, 1, 4, 3, 2])
    root, boxes, texts = boxes_of(draw_architecture(cell, space))
    assert sorted(texts) == sorted(cell.operations)
    assert len(boxes) == 8
    assert len(root.findall(f"{SVG}path")) == 2 * len(cell.edges), "a line and an arrowhead each"
    fills = dict(zip(texts, (box.get("fill") for box in boxes), strict=True))
    assert len({fills["nor_conv_1x1"], fills["nor_conv_3x3"], fills["avg_pool_3x3"], fills["input"]}) == 4
    heights = dict(zip(texts, (float(box.get("height")) for box in boxes), strict=True))
    assert heights["skip_connect"] < heights["nor_conv_3x3"], "a skip is thin"


def test_boxes_stay_inside_and_apart():
    space = NASBench201()
    root, boxes, _ = boxes_of(draw_architecture(space.decode([3, 0, 2, 4, 1, 3]), space))
    _, _, width, height = map(float, root.get("viewBox").split())
    corners = []
    for box in boxes:
        x, y, w, h = (float(box.get(name)) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
        corners.append((x, y, x + w, y + h))
    for (a, b, c, d), (e, f, g, h) in itertools.combinations(corners, 2):
        assert c <= e or g <= a or d <= f or h <= b


def test_zero_operations_and_what_only_they_feed_are_grey():
    space = NASBench201()
    # The first edge is none, so the two edges that leave its target carry nothing.
    cell = space.decode([0, 3, 3, 1, 3, 3])
    _, boxes, texts = boxes_of(draw_architecture(cell, space))
    grey = [box.get("stroke") == GREY for box in boxes]
    assert texts == list(cell.operations)
    assert grey == [False, True, False, True, False, True, False, False]
    assert boxes[1].get("stroke-dasharray")


def test_colours_of_operations_are_those_of_the_space():
    space = NASBench201()
    fills = []
    for genotype in ([3] * 6, [4, 3, 2, 3, 2, 4]):
        _, boxes, texts = boxes_of(draw_architecture(space.decode(genotype), space))
        fills.append(dict(zip(texts, (box.get("fill") for box in boxes), strict=True)))
    assert fills[0]["nor_conv_3x3"] == fills[1]["nor_conv_3x3"]


def test_cells_stand_below_one_another():
    two = Architecture("two", ["input", "a", "output"] * 2, [(0, 1), (1, 2), (3, 4), (4, 5)], [0, 0, 0, 1, 1, 1])
    _, boxes, texts = boxes_of(draw_architecture(two))
    assert "cell 0" in texts
    assert "cell 1" in texts
    assert max(float(box.get("y")) for box in boxes[:3]) < min(float(box.get("y")) for box in boxes[3:])


def test_hostile_labels_are_escaped():
    label = '"><script>alert(1)</script>&'
    drawing = draw_architecture(Architecture("<b>", ["input", label, "output"], [(0, 1), (1, 2)]))
    assert "<script" not in drawing
    assert label in boxes_of(drawing)[2]


def test_drawing_is_deterministic():
    cell = NASBench201().decode([1, 2, 3, 4, 0, 1])
    assert draw_architecture(cell, NASBench201()) == draw_architecture(cell, NASBench201())
