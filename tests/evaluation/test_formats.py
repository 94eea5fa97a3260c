import csv
import io
import json

from netwright.data.classes import Candidate
from netwright.evaluation import ImagePrediction, UnreadableImage
from netwright.evaluation.formats import FORMATS

ANSWERS = (
    ImagePrediction('a "b", c.png', (Candidate(3, "tabby, cat", 0.75), Candidate(0, 'the "dog"', 0.2))),
    UnreadableImage("broken.jpg", "ends early"),
    ImagePrediction("http://x/y.png", (Candidate(0, "n01440764", 1 / 3, "tench, Tinca tinca"),)),
)
FACTS = {"model": "m", "weights": "w.safetensors"}


def test_json_is_the_documented_object() -> None:
    assert json.loads(FORMATS["json"](ANSWERS, FACTS)) == {
        "format": 1,
        "model": "m",
        "weights": "w.safetensors",
        "predictions": [
            {
                "path": 'a "b", c.png',
                "classes": [
                    {"index": 3, "name": "tabby, cat", "probability": 0.75},
                    {"index": 0, "name": 'the "dog"', "probability": 0.2},
                ],
            },
            {
                "path": "http://x/y.png",
                "classes": [
                    {"index": 0, "name": "n01440764", "probability": 1 / 3, "description": "tench, Tinca tinca"}
                ],
            },
        ],
        "errors": [{"path": "broken.jpg", "reason": "ends early"}],
    }


def test_csv_comes_back_as_it_was() -> None:
    text = FORMATS["csv"](ANSWERS, FACTS)
    assert text.splitlines()[0] == "path,rank,index,name,description,probability"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["path"], row["rank"], row["name"]) for row in rows] == [
        ('a "b", c.png', "1", "tabby, cat"),
        ('a "b", c.png', "2", 'the "dog"'),
        ("http://x/y.png", "1", "n01440764"),
    ]
    assert float(rows[2]["probability"]) == 1 / 3


def test_the_table_has_words_for_people() -> None:
    text = FORMATS["table"](ANSWERS, FACTS)
    assert " 75.00%  tabby, cat  ###############" in text
    assert "broken.jpg\n  cannot be read: ends early\n" in text
    assert "33.33%  tench  " in text
