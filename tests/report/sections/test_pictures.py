from dataclasses import replace

import numpy as np

from netwright.report import ReportData
from netwright.report.picture import picture_of
from netwright.report.sections.pictures import pictures_sections


def test_a_report_without_pictures_has_no_such_section(guided: ReportData) -> None:
    assert pictures_sections(guided) == []


def test_pictures_come_first_with_their_classes(guided: ReportData) -> None:
    from netwright.report.template import render_page

    pictures = tuple(picture_of(np.full((8, 8, 3), 40 * k, np.uint8), f"class <{k}>") for k in range(3))
    (section,) = pictures_sections(replace(guided, pictures=pictures, pictures_text=("How they were made.",)))
    page = render_page("title", "", [section], {}, "")
    assert page.count('<img class="small" alt="an image of class &lt;') == 3
    assert "How they were made." in page
    assert pictures[2].source in page


def test_large_pictures_are_thumbnails_and_bands_are_shown_as_colors() -> None:
    rng = np.random.default_rng(0)
    for channels in (1, 2, 3, 4, 7):
        small = picture_of(rng.integers(0, 256, (32, 32, channels), dtype=np.uint8), "")
        large = picture_of(rng.integers(0, 256, (300, 300, channels), dtype=np.uint8), "")
        assert (small.is_small, large.is_small) == (True, False)
        assert large.source.startswith("data:image/jpeg;base64,")
        assert len(large.source) < 40_000
