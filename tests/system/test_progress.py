import io
import logging

from rich.live import Live

from netwright.system.progress import Display


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_go_to_a_stream_that_is_no_terminal():
    stream = io.StringIO()
    with Display(stream, lambda console: Live(console=console)) as display:
        assert display.live is None
        display.write_line("[1/2] a line")
    assert stream.getvalue() == "[1/2] a line\n"


def test_a_terminal_has_a_live_display_unless_it_is_not_wanted():
    stream = Terminal()
    with Display(stream, lambda console: Live(console=console, transient=True)) as display:
        assert display.live is not None
        assert display.live.is_started
        display.write_line("[1/2] a line")
    assert not display.live.is_started
    assert "[1/2] a line" in stream.getvalue()
    assert Display(stream, lambda console: Live(console=console), live=False).live is None


def test_what_is_logged_is_a_line_while_it_is_open():
    stream, log = io.StringIO(), logging.getLogger("netwright.somewhere")
    before = logging.getLogger("netwright").level
    with Display(stream, lambda console: Live(console=console)):
        log.info("%d of %d", 1, 2)
        log.debug("not this")
        log.warning("careful")
        logging.getLogger("elsewhere").error("nor this")
    log.error("nor this")
    assert stream.getvalue() == "1 of 2\ncareful\n"
    assert logging.getLogger("netwright").level == before
