from netwright.report.sections.points import thin


def test_thinning_keeps_best_and_worst() -> None:
    kept = thin(5000, 100)
    assert (len(kept), kept[0], kept[-1]) == (100, 0, 4999)
    assert thin(3, 100).tolist() == [0, 1, 2]
