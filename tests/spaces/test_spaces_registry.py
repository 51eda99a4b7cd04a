"""Names to objects: built-in, installed, registered at run time, by place; and what goes wrong on the way."""

import sys
import textwrap

import pytest

import ganas
from ganas.spaces.errors import DuplicateName, GanasError, InvalidSetting, UnknownName, unknown_name
from ganas.spaces.nasbench201.space import NASBench201
from ganas.spaces.registry import SPACES, PluginError, Registry, load_place, load_space, place_of

GROUP = "ganas_test.things"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution where Python finds installed ones: its metadata and, if given, its module."""

    def put(name, points, version="1.0", module="", text=""):
        folder = tmp_path / name
        metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [f"{point} = {target}" for point, target in points.items()]
        (metadata / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]))
        if module:
            (folder / f"{module}.py").write_text(textwrap.dedent(text))
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(str(folder))

    return put


def registry(**built_in):
    return Registry("thing", GROUP, lambda: built_in)


def one_line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


# --- built in --------------------------------------------------------------------------------------------


def test_built_in_names_are_listed_in_order_with_their_distribution():
    entries = SPACES.entries()
    assert list(entries) == [
        *("alphagan", "alphagan-discriminator"),
        *("darts", "graphnas", "graphnas-proteins"),
        *("nasbench101", "nasbench201", "natsbench-size"),
        *("rnn", "rnn-enas", "rnn-mini"),
        *("textnas", "textnas-mini"),
    ]
    assert {(entry.origin, entry.version) for entry in entries.values()} == {("ganas", ganas.__version__)}


def test_built_in_entries_are_imported_when_they_are_loaded():
    things = registry(decoder="json.decoder:JSONDecoder", missing="no_such_module:thing", direct=int)
    assert list(things.entries()) == ["decoder", "direct", "missing"]
    assert things.load("decoder").__name__ == "JSONDecoder"
    assert things.load("direct") is int
    with pytest.raises(ModuleNotFoundError):
        things.load("missing")


def test_a_space_is_one_object():
    assert load_space("nasbench201") is load_space("nasbench201")
    assert isinstance(load_space("nasbench201"), NASBench201)


def test_an_unknown_name_says_what_is_known():
    with pytest.raises(UnknownName) as error:
        load_space("nasbench102")
    text = one_line(error)
    assert text.startswith("unknown space 'nasbench102': known are nasbench101, nasbench201, ")
    assert f"({len(SPACES.entries())} in all); did you mean" in text


# --- installed -------------------------------------------------------------------------------------------


def test_an_installed_entry_has_its_distribution_and_is_imported_late(install):
    install("other-things", {"widget": "other_things:Widget"}, "2.5", "other_things", "class Widget: pass")
    things = registry(own="json:loads")
    entry = things.entries()["widget"]
    assert (entry.origin, entry.version) == ("other-things", "2.5")
    assert "other_things" not in sys.modules
    assert things.load("widget").__module__ == "other_things"
    assert "other_things" in sys.modules


def test_an_entry_that_does_not_import_harms_no_other(install):
    install("broken-things", {"broken": "broken_things:X"}, module="broken_things", text="import no_such_module")
    install("lacking-things", {"lacking": "lacking_things:X"}, module="lacking_things", text="")
    install("quitting-things", {"quitting": "quitting_things:X"}, module="quitting_things", text="raise SystemExit(0)")
    things = registry(own="json:loads")
    assert list(things.entries()) == ["broken", "lacking", "own", "quitting"]
    assert callable(things.load("own"))
    for name, reason in (
        ("broken", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("lacking", "AttributeError: "),
        ("quitting", "SystemExit: 0"),
    ):
        with pytest.raises(PluginError) as error:
            things.load(name)
        assert f"plug-in '{name}' of {name}-things cannot be imported: {reason}" in one_line(error)


def test_two_distributions_with_one_name_are_both_named(install):
    install("first-things", {"widget": "json:loads"})
    install("second-things", {"widget": "json:loads"})
    with pytest.raises(DuplicateName) as error:
        registry().entries()
    text = one_line(error)
    assert "first-things" in text
    assert "second-things" in text
    assert "'widget'" in text


def test_a_distribution_cannot_take_a_built_in_name(install):
    install("thieving-things", {"own": "json:loads"})
    things = registry(own="json:loads", other="json:dumps")
    for ask in (things.entries, lambda: things.load("own"), lambda: things.load("other")):
        with pytest.raises(DuplicateName, match="both ganas and thieving-things: uninstall one of them"):
            ask()


# --- at run time -----------------------------------------------------------------------------------------


def test_registering_at_run_time():
    things = registry(own="json:loads")

    @things.register("mine")
    class Mine:
        pass

    assert things.load("mine") is Mine
    entry = things.entries()["mine"]
    assert (entry.origin, entry.version) == ("this process", "")


def test_registering_takes_no_name_twice(install):
    install("other-things", {"theirs": "json:loads"})
    things = registry(own="json:loads")
    things.register("mine")(int)
    for name, origin in (("own", "ganas"), ("theirs", "other-things"), ("mine", "this process")):
        with pytest.raises(DuplicateName, match=f"thing '{name}' is already given by {origin}"):
            things.register(name)(float)


def test_the_same_class_defined_again_replaces_itself():
    things = registry()

    def define():
        @things.register("mine")
        class Mine:
            pass

        return Mine

    first, second = define(), define()
    assert things.load("mine") is second is not first


@pytest.mark.parametrize("name", ["", "two words", "tab\tbed", None, 3])
def test_registering_needs_a_name_without_spaces(name):
    with pytest.raises(InvalidSetting, match="name without spaces"):
        registry().register(name)


def test_a_registered_space_works_by_name(monkeypatch):
    monkeypatch.setattr(SPACES, "_at_run_time", {})

    @ganas.register_space("mine")
    class Mine(NASBench201):
        name = "mine"

    assert isinstance(load_space("mine"), Mine)
    assert load_space("mine") is load_space("mine")
    assert load_space("mine") != load_space("nasbench201")


@pytest.mark.parametrize("place", ["json:loads", "json:JSONDecoder", "math:pi"])
def test_what_is_no_space_class_is_refused(place):
    with pytest.raises(InvalidSetting, match=f"'{place}' is given as a space and is not a subclass of ganas.Space"):
        load_space(place)


def test_a_space_that_cannot_be_made_gets_one_line(monkeypatch):
    monkeypatch.setattr(SPACES, "_at_run_time", {})

    @ganas.register_space("half")
    class Half(ganas.Space):
        name = "half"

    with pytest.raises(PluginError, match="space 'half' cannot be made: TypeError: ") as error:
        load_space("half")
    assert "abstract" in one_line(error)


# --- by place --------------------------------------------------------------------------------------------

FILE = """
    from __future__ import annotations

    from dataclasses import dataclass

    from ganas.spaces.nasbench201.space import NASBench201

    @dataclass(frozen=True, slots=True)
    class Settings:
        size: int = 3

    class Mine(NASBench201):
        name = "mine"
    """


def test_a_module_and_attribute_stand_for_themselves():
    assert isinstance(load_space("ganas.spaces.nasbench201.space:NASBench201"), NASBench201)


def test_a_file_and_attribute_stand_for_themselves(tmp_path, monkeypatch):
    # Called like a module of the standard library, which it must not hide.
    path = tmp_path / "json.py"
    path.write_text(textwrap.dedent(FILE))
    before = sys.modules.get("json")
    space = load_space(f"{path}:Mine")
    assert (type(space).__qualname__, space.size) == ("Mine", 15625)
    assert sys.modules.get("json") is before
    # Once, by whatever path and for whatever registry, so that a class stays the same class.
    monkeypatch.chdir(tmp_path)
    assert load_place("thing", "json.py:Mine") is type(space)
    assert load_space("json.py:Mine") is space
    # Dataclasses of a module that is not in sys.modules cannot resolve their annotations.
    settings = load_place("thing", "json.py:Settings")
    assert settings(size=4).size == 4
    assert place_of(type(space)) == f"{path.resolve()}:Mine"


def test_two_files_of_one_name_are_two_modules(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(f"def where(): return {folder!r}")
    found = [load_place("thing", str(tmp_path / folder / "mine.py:where")) for folder in ("one", "two")]
    assert [where() for where in found] == ["one", "two"]


def test_the_place_of_a_class():
    assert place_of(NASBench201) == "ganas.spaces.nasbench201.space:NASBench201"
    assert load_place("thing", place_of(NASBench201)) is NASBench201


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("missing.py:X", "ImportError: there is no file"),
        ("no_such_module:X", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("json:no_such_thing", "AttributeError: module 'json' has no attribute 'no_such_thing'"),
        (":X", "ValueError: Empty module name"),
        ("json:", "AttributeError: "),
        ("mine:X", "ModuleNotFoundError: No module named 'mine'; did you mean 'mine.py:X'?"),
        ("mine.py:X", "ZeroDivisionError: "),
    ],
)
def test_a_place_that_cannot_be_imported_gets_one_line(place, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("X = 1\n1 / 0")
    with pytest.raises(PluginError) as error:
        load_space(place)
    assert f"space {place!r} cannot be imported: {reason}" in one_line(error)
    assert isinstance(error.value, GanasError)


def test_a_file_that_failed_is_tried_again(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("1 / 0")
    modules = set(sys.modules)
    with pytest.raises(PluginError):
        load_place("thing", f"{path}:X")
    assert set(sys.modules) == modules
    path.write_text("def now_it_is_longer_and_fine(): return 3")
    assert load_place("thing", f"{path}:now_it_is_longer_and_fine")() == 3


def test_a_list_of_names_that_is_cut_begins_with_the_closest():
    names = [f"a-{number:02}" for number in range(20)] + ["zebra-left", "zebra-right"]
    message = str(unknown_name("animal", "zebra-lift", names))
    assert message.startswith("unknown animal 'zebra-lift': known are zebra-left, zebra-right, ")
    assert "... (22 in all); did you mean 'zebra-left'?" in message
    # A list with room for all of them stays in the order of the alphabet.
    assert "known are a-00, a-01, zebra-left; did" in str(unknown_name("animal", "zebra-lift", [*names[:2], names[20]]))
