from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from netwright.errors import RecipeError
from netwright.recipe.yaml_file import in_yaml, read_mapping


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "recipe.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_numbers_as_people_write_them(tmp_path):
    text = "a: 1e-4\nb: 5e-5\nc: -1E+3\nd: 1.0e-6\ne: '1e-4'\nf: 1e4x\ng: 0.1\nh: [1e-1, 1]\n"
    assert read_mapping(written(tmp_path, text)) == {
        "a": 1e-4,
        "b": 5e-5,
        "c": -1000.0,
        "d": 1e-6,
        "e": "1e-4",
        "f": "1e4x",
        "g": 0.1,
        "h": [0.1, 1],
    }


@pytest.mark.parametrize("text", ["", "# only words\n", "---\n", "\ufeff"])
def test_an_empty_file_has_no_keys(tmp_path, text):
    assert read_mapping(written(tmp_path, text)) == {}


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    assert read_mapping(written(tmp_path, b"\xef\xbb\xbflr: 0.1\r\nepochs: 3\r\n")) == {"lr": 0.1, "epochs": 3}


BOMB = "a: &a [1, 1]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr: 1\nlr: 2\n", "line 2, column 1: the key 'lr' is repeated"),
        ("lr: 1\n 'lr': 2\n", "not YAML"),
        (BOMB, "line 2, column 8: aliases"),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", "aliases"),
        ("- 1\n- 2\n", "lines `key: value`, and this is a list"),
        ("just words\n", "lines `key: value`, and this is a str"),
        ("train:\n  lr: 1\n", "flat, and 'train' has keys below it"),
        ("a: [1, 2\n", "not YAML of keys and values, line 2, column 1"),
        ("a: 1\n\tb: 2\n", "line 2, column 1"),
        ("a: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
        ("a: 1\n---\nb: 2\n", "single document"),
        ("a: " + "[" * 5000, "not YAML"),
        ("? [a, b]\n: 1\n", "not YAML"),
        (b"name: \xff\xfe\n", "not text in UTF-8"),
        (b"a: \x00\n", "not YAML"),
        ("#" * (1 << 18) + "\na: 1\n", "at most 262,144 bytes, not 262,150"),
    ],
)
def test_what_is_no_recipe_is_refused_with_the_place(tmp_path, text, message):
    with pytest.raises(RecipeError) as caught:
        read_mapping(written(tmp_path, text))
    assert message in str(caught.value)


def test_a_missing_file_names_what_is_there(tmp_path):
    written(tmp_path, "lr: 1\n")
    with pytest.raises(RecipeError, match=r"did you mean '.*recipe\.yaml'"):
        read_mapping(tmp_path / "recipes.yaml")
    with pytest.raises(RecipeError, match=r"has recipe\.yaml\."):
        read_mapping(tmp_path / "other")
    with pytest.raises(RecipeError, match="Give the path of a YAML file"):
        read_mapping(tmp_path / "nowhere" / "other.yaml")
    with pytest.raises(RecipeError, match="cannot be read: Is a directory"):
        read_mapping(tmp_path)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(blacklist_categories=("Cs", "Cc"))),
    st.lists(st.floats(0, 1), max_size=3),
    st.sampled_from(["1e3", "null", "yes", "1:30", "0x10", "~", "- a", "a: b", "#"]),
)


@given(VALUES)
@example("\xa0")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_values_come_back(tmp_path, value):
    assert read_mapping(written(tmp_path, f"key: {in_yaml(value)}\n")) == {"key": value}
    assert "\n" not in in_yaml(value)
