"""A validation as one HTML page that needs nothing else: pictures, tables and the most wrong images inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from netwright.data.source import Pixels
from netwright.evaluation.figures import ConfusionFigure, share
from netwright.evaluation.measured import Measured, Wrong
from netwright.report.charts import Spec
from netwright.report.document import Section, asset, document, facts_html, lead, picture, tiles
from netwright.report.tables import table

__all__ = ["facts_section", "page", "sections_of", "skipped_section", "wrong_section"]

_THUMBNAIL = 160  # pixels a side at most
_SMALL = 64  # up to this many pixels a side an image is shown as its pixels
_MOST_SKIPPED = 200


def page(
    title: str, subtitle: str, sections: Sequence[Section], specs: Mapping[str, Spec], bundle: str, left_out: str = ""
) -> str:
    """The whole document, in the project's dress. specs: of the charts; bundle: the script that draws them."""
    aside = f"<aside><p>{escape(left_out)}</p></aside>" if left_out else ""
    style = asset("netwright.evaluation", "validation.css")
    return document(title, subtitle, sections, specs, bundle, left_out=aside, style=style)


def sections_of(
    measured: Measured,
    labels: Sequence[str],
    sentences: Mapping[str, Sequence[str]],
    confusion: ConfusionFigure,
    formats: Sequence[str],
) -> list[Section]:
    """The result, then a section a chart. sentences: of the result and of each chart."""
    heads = {
        "accuracy": "Accuracy of each class",
        "confusion": "What is taken for what",
        "calibration": "How far its probabilities can be trusted",
    }
    pairs = [(pair.target, pair.predicted, f"{pair.images:,}", share(pair.share)) for pair in confusion.pairs]
    most = table(("class", "taken for", "images", "of the class"), pairs, "The most common confusions") if pairs else ""
    after = {"accuracy": _class_table(measured, labels), "confusion": most}
    summary = Section(
        "summary", "The result", f'{_tiles(measured)}<div class="lead">{lead(sentences["summary"])}</div>'
    )
    charts = [
        Section(
            name,
            head,
            f'<div class="lead">{lead(sentences[name])}</div>{picture(name, head, sentences[name], formats)}'
            f"{after.get(name, '')}",
        )
        for name, head in heads.items()
    ]
    return [summary, *charts]


def _tiles(measured: Measured) -> str:
    figures = [("top-1 accuracy", share(measured.top1)), ("top-5 accuracy", share(measured.top5))]
    figures += [("loss", f"{measured.loss:.4f}"), ("calibration error", share(measured.calibration_error))]
    figures += [("images", f"{measured.images:,}"), ("images/s", f"{measured.images_per_second:,.0f}")]
    return tiles(figures)


def _class_table(measured: Measured, labels: Sequence[str]) -> str:
    """Every class, sortable by the page's script."""
    heads = ("class", "images", "right", "accuracy", "taken for it", "precision", "most often taken for")
    head = "".join(f'<th scope="col" aria-sort="none"><button type="button">{name}</button></th>' for name in heads)
    rows = []
    for row in measured.classes:
        other = "" if row.confused_with is None else f"{labels[row.confused_with]} ({row.confused:,})"
        cells: list[tuple[str, object]] = [(labels[row.index], labels[row.index])]
        cells += [
            (f"{row.images:,}", row.images),
            (f"{row.correct:,}", row.correct),
            (share(row.accuracy), row.accuracy),
        ]
        cells += [(f"{row.predicted:,}", row.predicted), (share(row.precision), row.precision), (other, other)]
        rows.append("<tr>" + "".join(_cell(text, key) for text, key in cells) + "</tr>")
    body = f'<table class="sortable numbers"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<details><summary>All {len(rows):,} classes</summary><div class="scroll tall">{body}</div></details>'


def _cell(text: str, key: object) -> str:
    return f'<td data-key="{escape("" if key is None else str(key))}">{escape(text)}</td>'


def wrong_section(wrong: Sequence[tuple[Wrong, Pixels | None]], labels: Sequence[str], mistakes: int) -> Section:
    """The most confidently wrong images, as the network sees them; without pixels where one cannot be read again."""
    items = []
    for each, pixels in wrong:
        place = f"its guess no. {each.target_rank + 1:,}"
        image = '<div class="none"></div>' if pixels is None else _image(pixels, each.name)
        says = f"{labels[each.predicted]}, {100 * each.probability:.1f}%"
        lines = (("said", says), ("is", f"is {labels[each.target]} ({place})"), ("name", each.name))
        text = "".join(f'<p class="{kind}">{escape(line)}</p>' for kind, line in lines)
        items.append(f"<li>{image}<div>{text}</div></li>")
    shown = f"The {len(wrong)} of {mistakes:,}" if len(wrong) < mistakes else "All"
    sentence = (
        f"{shown} misclassified images, the most confident mistake first, cut as the network sees them: what it says "
        "with its probability, and what the label says. Wrong labels and ambiguous pictures gather here."
    )
    if not wrong:
        sentence = "No image was misclassified."
    gallery = f'<ul class="gallery">{"".join(items)}</ul>' if items else ""
    return Section("wrong", "The most wrong images", f'<div class="lead">{lead([sentence])}</div>{gallery}')


def _image(pixels: Pixels, name: str) -> str:
    """The pixels in an element that needs no file: small ones as they are, others as a JPEG thumbnail."""
    from PIL import Image

    flat = np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image, buffer = Image.fromarray(flat), io.BytesIO()
    is_small = max(image.size) <= _SMALL
    if is_small:
        image.save(buffer, "PNG")
    else:
        image.thumbnail((_THUMBNAIL, _THUMBNAIL))
        image.save(buffer, "JPEG", quality=82)
    kind, style = ("png", ' class="small"') if is_small else ("jpeg", "")
    coded = base64.b64encode(buffer.getvalue()).decode()
    return f'<img{style} alt="{escape(name)}" loading="lazy" src="data:image/{kind};base64,{coded}">'


def skipped_section(measured: Measured) -> Section:
    """The images that could not be read."""
    rows = [(bad.name, bad.reason) for bad in measured.skipped[:_MOST_SKIPPED]]
    more = len(measured.skipped) - len(rows)
    caption = f"{more:,} more are in metrics.json." if more > 0 else ""
    return Section("skipped", "Images that could not be read", table(("image", "reason"), rows, caption))


def facts_section(facts: Mapping[str, Mapping[str, str]]) -> Section:
    """How it was measured."""
    return Section("facts", "How this was measured", facts_html(facts))
