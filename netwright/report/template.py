"""The template of a page: one HTML document that needs nothing else, in which values are always escaped.

The templates are in `templates/`, the style and the script in `assets/`; a web page is changed there, not in Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from netwright.report.parts import Section
from netwright.theme import Spec

__all__ = ["asset", "render_page"]

_HOME = "netwright.report"


def render_page(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    specs: Mapping[str, Spec],
    bundle: str,
    *,
    template: str = "base.html",
    package: str = _HOME,
    **values: Any,
) -> str:
    """The whole page as HTML.

    Args:
        title: Heading of the page.
        subtitle: Line below it.
        sections: In the order of the page.
        specs: Name -> specification of each chart that the sections show.
        bundle: The script that draws charts, as `vl_convert.javascript_bundle` makes it.
        template: The page's template. It is looked for in the templates of `package`, then in those of this package.
        package: The package whose templates (and templates of parts) are used.
        values: More values for that template.
    """
    # nothing within the script may end the element that holds it
    script = Markup(bundle.replace("</script", r"<\/script"))
    page = _environment(package).get_template(template)
    return page.render(title=title, subtitle=subtitle, sections=sections, specs=specs, bundle=script, **values)


def asset(name: str, package: str = _HOME) -> str:
    """The text of a file in a package's folder `assets`."""
    return resources.files(package).joinpath("assets").joinpath(name).read_text(encoding="utf-8")


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, _HOME))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "ensure_ascii": False}
    environment.globals["asset"] = lambda name, package=_HOME: Markup(asset(name, package))
    return environment
