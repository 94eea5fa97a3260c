import pytest

from netwright.system.yaml_text import YamlError, parse


def test_keys_have_their_lines():
    value, lines = parse("a: 1\nb:\n  c: 2\n  d: {e: {f: 1}}\n")
    assert value == {"a": 1, "b": {"c": 2, "d": {"e": {"f": 1}}}}
    assert lines == {("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "d"): 4}


def test_numbers_of_yaml_1_2():
    assert parse("[1e-4, 5E+3, '1e4']")[0] == [1e-4, 5000.0, "1e4"]


def test_a_repeated_key_is_refused_where_it_is():
    with pytest.raises(YamlError, match="the key 'a' is repeated") as caught:
        parse("b:\n  a: 1\n  a: 2\n")
    assert (caught.value.line, caught.value.column) == (3, 3)


def test_aliases_are_read_on_request():
    assert parse("a: &x [1]\nb: *x\n", has_aliases=True)[0] == {"a": [1], "b": [1]}
    with pytest.raises(YamlError, match="aliases"):
        parse("a: &x [1]\nb: *x\n")


@pytest.mark.slow
@pytest.mark.parametrize("text", ["a: [", "a: \x00", "[" * 5000, "!!python/name:os.system", "a: 1\n---\nb: 2\n"])
def test_what_is_no_yaml_is_refused(text):
    with pytest.raises(YamlError):
        parse(text)
