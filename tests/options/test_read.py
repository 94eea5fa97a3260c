import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.errors import RecipeError
from netwright.options import Constraint, read_value

ANY = Constraint()
PAIR = tuple[float, float]
JITTER = tuple[float, ...] | float | None


@pytest.mark.parametrize(
    ("written", "hint", "meant"),
    [
        ("1e-4", float, 1e-4),
        (5, float, 5.0),
        (" .5 ", float, 0.5),
        ("0.485 * 255", float, 0.485 * 255),
        (64.0, int, 64),
        ("64", int, 64),
        ("1e3", int, 1000),
        (10**30, int, 10**30),
        ("False", bool, False),
        ("true", bool, True),
        (0, bool, False),
        ("1", bool, True),
        ("no", bool, False),
        (None, float | None, None),
        ("None", int | None, None),
        ("null", str | None, None),
        ("", float | None, None),
        ("10", int | None, 10),
        ([0.08, 1], PAIR, (0.08, 1.0)),
        ("(0.08, 1.0)", PAIR, (0.08, 1.0)),
        ("[0.1, 1]", PAIR, (0.1, 1.0)),
        ("0.1 1", PAIR, (0.1, 1.0)),
        (["0.485 * 255", "1e2"], tuple[float, ...], (0.485 * 255, 100.0)),
        ("0.485 * 255, 0.456 * 255", tuple[float, ...], (0.485 * 255, 0.456 * 255)),
        (30, tuple[float, ...], (30.0,)),
        ("(30,)", tuple[float, ...], (30.0,)),
        ([], tuple[float, ...], ()),
        (0.4, JITTER, 0.4),
        ("0.4", JITTER, 0.4),
        ([0.4, 0.4, 0.4], JITTER, (0.4, 0.4, 0.4)),
        ("[0.4, 0.4]", JITTER, (0.4, 0.4)),
        ("none", JITTER, None),
        ("wandb, tensorboard", tuple[str, ...], ("wandb", "tensorboard")),
        ("['wandb']", tuple[str, ...], ("wandb",)),
        (2012, str, "2012"),
        (None, str, ""),
        ("None", str, ""),
        ("null", str, "null"),
        ("random", float | str, "random"),
        ("0", float | str, 0.0),
    ],
)
def test_what_people_write(written, hint, meant):
    found = read_value("key", written, hint, ANY)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("written", "hint", "type_"),
    [
        ("fast", float, "a number"),
        (True, float, "a number"),
        ("inf", float, "a number"),
        ("nan", float, "a number"),
        ("1e999", float, "a number"),
        (10**400, float, "a number"),
        ([1], float, "a number"),
        (2.5, int, "a whole number"),
        (True, int, "a whole number"),
        ("2.5", int, "a whole number"),
        (2, bool, "true or false"),
        ("maybe", bool, "true or false"),
        (1.0, bool, "true or false"),
        (None, float, "a number"),
        ([0.1], PAIR, "a list of 2 numbers"),
        ("[0.1, x]", PAIR, "a list of 2 numbers"),
        (0.5, PAIR, "a list of 2 numbers"),
        (None, PAIR, "a list of 2 numbers"),
        (["0.4", None], JITTER, "a list of numbers or a number or none"),
        ({"a": 1}, str, "a text"),
        (["a"], str | None, "a text or none"),
        (False, str | None, "a text or none"),
    ],
)
def test_what_cannot_be_meant(written, hint, type_):
    with pytest.raises(RecipeError) as caught:
        read_value("key", written, hint, ANY)
    assert str(caught.value).startswith(f"key is {type_}, not {written!r}")


def test_choices_in_any_case_and_constraints():
    constraint = Constraint(choices=("CE", "none"))
    assert read_value("loss", "ce", str, constraint) == "CE"
    assert read_value("loss", "None", str, constraint) == "none"
    with pytest.raises(RecipeError, match="loss is one of CE, none, not 'MSE'"):
        read_value("loss", "MSE", str, constraint)
    with pytest.raises(RecipeError, match="epoch_size is a whole number of at least 1, not 0"):
        read_value("epoch_size", "0", int, Constraint(low=1))


@pytest.mark.slow
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers())
def test_numbers_come_back_from_their_text(number, whole):
    assert read_value("x", str(number), float, ANY) == number
    assert read_value("x", f"[{number}, {number}]", PAIR, ANY) == (number, number)
    assert read_value("x", str(whole), int, ANY) == whole


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=3)))
def test_nothing_escapes_but_our_own_error(written):
    for hint in (bool, int, float, str, float | None, PAIR, JITTER, tuple[str, ...]):
        try:
            read_value("key", written, hint, ANY)
        except RecipeError:
            continue
