import pytest

from netwright.data.class_weights import read_class_weights
from netwright.errors import DataError

CLASSES = ("ant", "bee", "red cow")


@pytest.mark.parametrize(
    "text",
    [
        "red cow,0.5\nant,2\nbee,1\n",
        "class;weight\nant;2\nbee;1\nred cow;0.5\n",
        "ant\t2\nbee\t1\n\nred cow\t5e-1",
        "ant 2\nbee 1\nred cow 0.5\n",
        '\ufeff{"ant": 2, "bee": 1.0, "red cow": 0.5}',
    ],
)
def test_every_usual_form(tmp_path, text):
    (tmp_path / "weights").write_text(text, encoding="utf-8")
    assert read_class_weights(tmp_path / "weights", CLASSES).tolist() == [2.0, 1.0, 0.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ant,1\nbee,1\n", "lacks 'red cow', has none that"),
        ("ant,1\nbee,1\nred cow,1\ndog,1", "has 'dog' that the images do not have"),
        ("ant,1\nbee,1\nred cow,1\nant,3", "has 'ant' twice"),
        ("ant,1\nbee,-1\nred cow,1", "at least 0, unlike 'bee -1'"),
        ("ant,1\nbee,nan\nred cow,1", "at least 0, unlike 'bee nan'"),
        ("ant,0\nbee,0\nred cow,0", "some class has a weight above 0"),
        ("ant,1,2\n", "line 1 of .* is 'ant,1,2'"),
        ("{", "is no JSON object"),
    ],
)
def test_what_is_no_table_of_weights_is_refused(tmp_path, text, message):
    (tmp_path / "weights").write_text(text)
    with pytest.raises(DataError, match=message):
        read_class_weights(tmp_path / "weights", CLASSES)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"are 'balanced', or a text file .* cannot be read"):
        read_class_weights(tmp_path / "balnced", CLASSES)
