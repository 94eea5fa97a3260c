from netwright.system.html import paragraph, table


def test_a_table_escapes_every_text() -> None:
    html = table(("a<", "b"), [("<script>", 1), ("&", None)], "it's <b>")
    assert html == (
        "<table><caption>it&#x27;s &lt;b&gt;</caption>"
        '<thead><tr><th scope="col">a&lt;</th><th scope="col">b</th></tr></thead>'
        "<tbody><tr><td>&lt;script&gt;</td><td>1</td></tr><tr><td>&amp;</td><td>None</td></tr></tbody></table>"
    )
    assert "<caption>" not in table((), [])


def test_a_paragraph_escapes_its_text() -> None:
    assert paragraph("a < b") == "<p>a &lt; b</p>"
