from xml.etree import ElementTree

from netwright.space import draw, load_space


def rows(html: str) -> list[list[str]]:
    page = ElementTree.fromstring(f"<div>{html}</div>")
    return [[cell.text or "" for cell in row] for row in page.iter("tr")]


def test_a_space_tells_its_distributions() -> None:
    html = load_space("anynetx_e").refine(flops=(1e6, 2e6), width_2=(8, 64), group_width=8)._repr_html_()
    assert rows(html) == [
        ["parameter", "distribution", "drawn"],
        ["depth", "log-uniform 1 to 16, quantum 1", "once for each stage, non-decreasing"],
        [
            "width",
            "stage 1, 3, 4: log-uniform 8 to 1,024, quantum 8; stage 2: log-uniform 8 to 64, quantum 8",
            "once for each stage, non-decreasing",
        ],
        ["bottleneck", "one of 1, 2, 4", "once for all stages"],
        ["group_width", "8", "once for all stages"],
    ]
    assert "1,000,000 ≤ flops ≤ 2,000,000" in html
    assert "stem simple, stem_width 32, strides 2, 2, 2, 2" in html


def test_every_space_has_a_table() -> None:
    from netwright.space import space_names

    for name in space_names():
        space = load_space(name)
        assert [row[0] for row in rows(space._repr_html_())[1:]] == [each.name for each in space.parameters]


def test_a_sample_tells_how_it_was_drawn() -> None:
    sample = draw(load_space("regnetx"), 3, 0)
    html = sample._repr_html_()
    assert [row[0] for row in rows(html)] == ["", "0", "1", "2"]
    assert rows(html)[0][-6:] == ["depth", "w0", "wa", "wm", "bottleneck", "group_width"]
    assert f"draws {sample.rejection_counts['draws']:,}" in html
