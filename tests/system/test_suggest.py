import pytest

from netwright.system.suggest import nearest, suggest


@pytest.mark.parametrize(
    ("name", "known", "otherwise", "says"),
    [
        ("epoch", ["epochs", "seed"], None, "did you mean 'epochs'?"),
        ("zzz", ["epochs", "seed"], None, "these are known: epochs, seed."),
        ("zzz", ["epochs", "seed"], "`--help` lists them.", "`--help` lists them."),
        ("zzz", ["epochs"], "", ""),
        (12, iter([123, 7]), None, "did you mean '123'?"),
    ],
)
def test_the_nearest_name_or_what_there_is(name: object, known: list[object], otherwise: str | None, says: str) -> None:
    assert suggest(name, known, otherwise) == says


def test_several_come_by_likeness() -> None:
    assert nearest("regnet_x", ["regnet_y", "resnet", "regnet_x_2"], most=2) == ["regnet_x_2", "regnet_y"]
    assert nearest("regnet_x", ["vit"]) == []
