import numpy as np
import pandas as pd
import pytest

from netwright.errors import StatsError
from netwright.stats import error_column, read_table

FRAME = pd.DataFrame({"depth": [18, 16, 20], "top1_error": [34.984, 37.712, 37.96]})
WRITERS = {
    "csv": lambda frame, file: frame.to_csv(file, index=False),
    "CSV": lambda frame, file: frame.to_csv(file, index=False),
    "parquet": lambda frame, file: frame.to_parquet(file),
    "jsonl": lambda frame, file: frame.to_json(file, orient="records", lines=True),
    "ndjson": lambda frame, file: frame.to_json(file, orient="records", lines=True),
}


@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_reads_back(tmp_path, ending):
    file = tmp_path / f"population.{ending}"
    WRITERS[ending](FRAME, file)
    pd.testing.assert_frame_equal(read_table(str(file)), FRAME)


def test_a_frame_passes_through():
    assert read_table(FRAME) is FRAME


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(StatsError, match="no table at"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(StatsError, match=r"must end in \.csv"):
        read_table(tmp_path / "population.xlsx")
    for ending in ("csv", "jsonl", "parquet"):
        file = tmp_path / f"damaged.{ending}"
        file.write_bytes(b"" if ending == "csv" else b"not { a table")
        with pytest.raises(StatsError, match="cannot be read"):
            read_table(file)
    (tmp_path / "binary.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(StatsError, match="cannot be read"):
        read_table(tmp_path / "binary.csv")
    (tmp_path / "headed.csv").write_text("error\n")
    with pytest.raises(StatsError, match="must hold a row"):
        read_table(tmp_path / "headed.csv")


def test_usual_names_are_found():
    result = error_column(FRAME.assign(top5_error=1.0))
    assert result.name == "top1_error"
    np.testing.assert_array_equal(result.errors, FRAME["top1_error"])
    assert result.kept.all()
    assert result.dropped == 0
    assert error_column(pd.DataFrame({"Error": [1]})).errors.dtype == np.float64


def test_text_that_is_called_error_is_not_the_error():
    frame = FRAME.assign(error=["", "out of memory", None])
    assert error_column(frame).name == "top1_error"
    with pytest.raises(StatsError, match="must hold numbers"):
        error_column(frame, "error")


def test_failed_and_missing_rows_are_dropped_and_counted():
    frame = pd.DataFrame(
        {
            "state": ["done", "failed", "done", "waiting", "done", None],
            "error": [30.0, 31.0, np.nan, np.nan, np.inf, 32.0],
        }
    )
    result = error_column(frame)
    np.testing.assert_array_equal(result.errors, [30.0])
    np.testing.assert_array_equal(result.kept, [True, False, False, False, False, False])
    assert (result.not_done, result.not_finite, result.dropped) == (3, 2, 5)


def test_nullable_columns_are_read():
    result = error_column(pd.DataFrame({"error": pd.array([30.0, None], dtype="Float64")}))
    np.testing.assert_array_equal(result.errors, [30.0])
    assert result.not_finite == 1


def test_ambiguous_and_missing_columns_are_refused():
    with pytest.raises(StatsError, match="'top1_error' and 'test_error' could all be"):
        error_column(FRAME.assign(test_error=1.0))
    with pytest.raises(StatsError, match=r"did you mean 'top_1_error'\?.*depth, top_1_error"):
        error_column(FRAME.rename(columns={"top1_error": "top_1_error"}))
    with pytest.raises(StatsError, match=r"no column 'top1_eror': did you mean 'top1_error'\?"):
        error_column(FRAME, "top1_eror")
    with pytest.raises(StatsError, match=r"no column of errors\. The table has: depth"):
        error_column(FRAME[["depth"]])


def test_no_error_left_is_refused():
    with pytest.raises(StatsError, match="of 3 rows, 0 are done"):
        error_column(FRAME.assign(state="waiting"))
    with pytest.raises(StatsError, match="none has a finite"):
        error_column(pd.DataFrame({"error": [np.nan]}))


def test_tables_with_semicolons_and_tabs_are_read(tmp_path):
    for name, sep in (("mine.csv", ";"), ("mine.tsv", "\t")):
        FRAME.to_csv(tmp_path / name, sep=sep, index=False)
        assert list(read_table(tmp_path / name).columns) == list(FRAME.columns)
