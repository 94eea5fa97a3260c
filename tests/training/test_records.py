import json
from pathlib import Path

from netwright.training.records import EpochRecord, Score, epochs_without_gain, write_records

FIRST = EpochRecord(1, 2.5, 80.0, 0.1, Score(25.0, 60.0, 1.75, 40), Score(20.0, 50.0, 2.0, 40), 3.0, 1.5, 99.0, 0, 1)
SECOND = EpochRecord(2, 2.0, 70.0, 0.05, None, None, 3.0, 0.0, 99.0, 2, 1)


def test_result_log_has_the_known_columns_and_no_line_twice(tmp_path: Path):
    write_records(tmp_path, [FIRST])
    write_records(tmp_path, [FIRST, SECOND])
    lines = (tmp_path / "result.log").read_text().splitlines()
    assert lines[0].split("\t") == [
        *("Epoch", "TrainLoss", "Top_1_Accuracy", "Top_5_Accuracy", "TrainTime", "EvalTime", "TotalTime")
    ]
    assert lines[1].split("\t") == ["1", "2.500000", "0.250000", "0.600000", "3.00", "1.50", "4.50"]
    assert lines[2].split("\t") == ["2", "2.000000", "-", "-", "3.00", "0.00", "3.00"]
    assert len(lines) == 3


def test_without_top_5_there_is_no_column_of_it(tmp_path: Path):
    record = EpochRecord(1, 1.0, 1.0, 0.1, Score(25.0, None, 1.0, 4), None, 1.0, 1.0, 1.0, 0, 0)
    write_records(tmp_path, [record])
    assert "Top_5" not in (tmp_path / "result.log").read_text()


def test_metrics_read_back(tmp_path: Path):
    write_records(tmp_path, [FIRST, SECOND])
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [EpochRecord.from_dict(json.loads(line)) for line in lines] == [FIRST, SECOND]


def test_the_best_is_that_of_the_better_weights():
    assert FIRST.best is FIRST.validation
    assert SECOND.best is None


def test_epochs_without_gain_count_from_the_first_of_the_best():
    def record(epoch: int, top1: float | None) -> EpochRecord:
        score = None if top1 is None else Score(top1, None, 1.0, 40)
        return EpochRecord(epoch, 1.0, 1.0, 0.1, score, None, 1.0, 1.0, 1.0, 0, 0)

    records = [record(epoch, top1) for epoch, top1 in enumerate((20.0, 30.0, 30.0, None, 25.0), 1)]
    assert [epochs_without_gain(records[:count]) for count in range(1, 6)] == [0, 0, 1, 2, 3]
    assert epochs_without_gain([record(1, None), record(2, None)]) == 0
