import pytest

from netwright.system.suggest import nearest, nearest_file, suggest


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


REGNETS = ["resnet50", *(f"regnet_x_{n}mf" for n in range(20))]


@pytest.mark.parametrize(
    ("name", "known", "says"),
    [
        ("--data", ["--dataset", "--data_dir"], "did you mean '--data_dir'?"),
        ("--data-dir", ["--dataset", "--data_dir"], "did you mean '--data_dir'?"),
        ("--epoch", ["--epochs", "--epoch_size"], "did you mean '--epochs'?"),
        ("--patience", ["--timeout", "--early_stopping"], "did you mean '--early_stopping'?"),
        ("regnet", REGNETS[:3], "these begin with it: regnet_x_0mf, regnet_x_1mf."),
        ("RegNet", REGNETS, f"these begin with it: {', '.join(REGNETS[1:13])} and 8 more."),
        ("early", ["early_stopping", "eerly"], "did you mean 'early_stopping'?"),
    ],
)
def test_what_others_call_it_and_how_names_begin(name: str, known: list[str], says: str) -> None:
    assert suggest(name, known) == says


def test_files_are_not_alike_by_their_ending() -> None:
    assert nearest_file("best.safetensors", ["r18_timm.safetensors"]) == []
    assert nearest_file("r18_tim.safetensors", ["r18_timm.safetensors"]) == ["r18_timm.safetensors"]


def test_several_come_by_likeness() -> None:
    assert nearest("regnet_x", ["regnet_y", "resnet", "regnet_x_2"], most=2) == ["regnet_x_2", "regnet_y"]
    assert nearest("regnet_x", ["vit"]) == []
