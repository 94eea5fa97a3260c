from xml.etree import ElementTree

import pytest

from netwright.arch import NETWORKS, Arch, ArchBatch, Stage, Stem, complexity, published

SVG = "{http://www.w3.org/2000/svg}"


def texts(arch: Arch) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(arch._repr_html_()).iter(f"{SVG}text")]


def bars(arch: Arch) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(arch._repr_html_()).iter(f"{SVG}rect"))


def test_every_stage_is_told() -> None:
    said = texts(published("regnet_y_400mf"))
    assert said[0] == "regnet_y_400mf: 16 blocks of kind y, squeeze-and-excitation 0.25"
    third = said[said.index("stage 3") :]
    assert third[1:6] == ["6 × width 208", "26 groups of 8", "bottleneck 1", "stride 2", "14 × 14"]
    assert said[said.index("stem") :][1:5] == ["3x3", "width 32", "stride 2", "112 × 112"]
    assert said[-2:] == ["average pool, linear", "1,000 classes"]


def test_a_block_is_a_bar_and_wider_ones_are_taller() -> None:
    arch = Arch((Stage(2, 16, group_width=8), Stage(3, 64, group_width=8)), resolution=32)
    assert len(bars(arch)) == 1 + 1 + 5 + 1  # input, stem, blocks, head
    heights = [float(bar.attrib["height"]) for bar in bars(arch)]
    assert heights[2] == heights[3] < heights[4] == heights[6]


def test_a_name_is_a_text() -> None:
    arch = Arch((Stage(1, 16),), stem=Stem("imagenet", 16), in_channels=1, name="<script>'&", head_width=8)
    said = texts(arch)
    assert said[0].startswith("<script>'&: 1 block of kind x")
    assert "7x7, max pool" in said
    assert "1 channel" in said
    assert "1x1, width 8" in said


@pytest.mark.parametrize("name", [*NETWORKS])
def test_every_published_network_is_drawn(name: str) -> None:
    arch = published(name)
    sides = [line for line in texts(arch) if " × " in line and "width" not in line]
    assert len(sides) == 2 + len(arch.stages)


def test_a_batch_is_a_table_of_its_first_networks() -> None:
    batch = ArchBatch.from_archs([published("regnet_x_200mf")] * 12)
    html = batch._repr_html_()
    assert "12 networks with block &#x27;x&#x27;, the first 10 of them" in html
    body = ElementTree.fromstring(html).find("tbody")
    assert body is not None
    rows = list(body)
    assert len(rows) == 10
    cells = [cell.text for cell in rows[0]]
    cost = complexity(batch)
    assert cells[1:] == [
        "1, 1, 4, 7",
        "24, 56, 152, 368",
        "8, 8, 8, 8",
        *(f"{column[0]:,}" for column in (cost.flops, cost.params, cost.acts)),
    ]
    assert "the first" not in batch[:3]._repr_html_()
    assert batch[:0]._repr_html_().count("<tr>") == 1
