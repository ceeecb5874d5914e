"""What `gateway/session/lines.py` promises."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.session.lines import MAX_LINE, LineEditor, PlainLines, typed_lines


class Screen:
    """A terminal of 80 columns: cursor movement within lines, no scrolling, enough to see what a person sees."""

    def __init__(self, columns: int = 80) -> None:
        self.rows = [""]
        self.row = self.column = 0
        self.columns = columns
        self.bells = 0
        self.bytes = 0

    def write(self, text: str) -> None:
        self.bytes += len(text)
        for part in re.findall(r"\x1b\[\d*[A-Dm]|[^\x1b]", text):
            self._put(part)

    def _put(self, part: str) -> None:
        if part == "\a":
            self.bells += 1
        elif part == "\r":
            self.column = 0
        elif part == "\n":
            self._down()
        elif part == "\b":
            self.column = max(0, self.column - 1)
        elif part.startswith("\x1b"):
            self._move(part[-1], int(part[2:-1] or "1"))
        else:
            if self.column == self.columns:
                self._down()
                self.column = 0
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + part + row[self.column + 1 :]
            self.column += 1

    def _move(self, way: str, count: int) -> None:
        if way == "A":
            self.row -= count
        elif way == "B":
            for _ in range(count):
                self._down()
        elif way in "CD":
            self.column += count if way == "C" else -count

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")

    @property
    def text(self) -> str:
        return "\n".join(row.rstrip() for row in self.rows)


class Desk:
    """An editor, its screen, and what it called back."""

    def __init__(self, **options: object) -> None:
        self.screen = Screen()
        self.heard: list[str] = []
        self.editor = LineEditor(
            self.screen.write,
            on_line=self.heard.append,
            on_interrupt=lambda: self.heard.append("<interrupt>"),
            on_eof=lambda: self.heard.append("<end>"),
            **options,  # type: ignore[arg-type]
        )


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("show clock", ["show clock"]),
        ("show clokc\x08\x08ck", ["show clock"]),
        ("show clock\rtelnet 192.168.1.99", ["show clock", "telnet 192.168.1.99"]),
        ("uptime\nsh\n", ["uptime", "sh", ""]),
        ("uptime\r\nsh", ["uptime", "sh"]),
        ("", [""]),
        ("show clck\x1b[D\x1b[Do", ["show clock"]),
        ("telnet x\x15show clock", ["show clock"]),
        ("show version\x17clock", ["show clock"]),
        ("abc\x01show \x05\x0b", ["show abc"]),
        ("a\x1b[3~\x1b[Db\x1b[3~", ["b"]),
        ("one\r\x1b[A\r", ["one", "one", ""]),
        ("show\0 clock", ["show clock"]),
        ("show\x07 cl\x1cock", ["show clock"]),
        ("\x1b[200~show clock\rtelnet x\x1b[201~", ["show clock", "telnet x"]),
        ("show ?", ["show ?"]),
        ("show\tclock", ["show clock"]),
        ("ssid Café", ["ssid Café"]),
        ("half a line\x03show clock", ["show clock"]),
        ("x" * (MAX_LINE + 500), ["x" * MAX_LINE]),
    ],
)
def test_typed_lines(data: str, lines: list[str]) -> None:
    assert typed_lines(data) == lines


def test_typed_lines_of_bytes() -> None:
    assert typed_lines(b"caf\xe9") == ["caf"]
    assert typed_lines("café".encode()) == ["café"]


def test_echo_of_the_session_is_not_shown_twice() -> None:
    desk = Desk()
    desk.editor.output("R1#")
    desk.editor.feed(b"show clock\r")
    assert desk.heard == ["show clock"]
    desk.editor.output("show clock\r\n12:00\r\nR1#")
    assert desk.screen.text == "R1#show clock\n12:00\nR1#"


def test_a_line_without_echo_stays() -> None:
    desk = Desk()
    desk.editor.output("Ticket: ")
    desk.editor.feed(b"A-17\r")
    desk.editor.output("Reason: ")
    desk.editor.feed(b"slow line\r")
    desk.editor.output("\n")
    assert desk.screen.text == "Ticket: A-17\nReason: slow line\n\n"


def test_output_keeps_the_line_in_work() -> None:
    desk = Desk()
    desk.editor.output("R1#")
    desk.editor.feed(b"show ver\x1b[D")
    desk.editor.output("\nmessage\nR1#")
    assert desk.screen.text == "R1#\nmessage\nR1#show ver"
    desk.editor.feed(b"X\r")
    assert desk.heard == ["show veXr"]


def test_pasted_lines_appear_when_they_are_echoed() -> None:
    desk = Desk()
    desk.editor.output("R1#")
    desk.editor.feed(b"one\ntwo\nthree\nfo")
    assert desk.heard == ["one", "two", "three"]
    desk.editor.output("one\nA\nR1#")
    desk.editor.output("two\nB\nR1#")
    desk.editor.output("three\nR1#")
    assert desk.screen.text == "R1#one\nA\nR1#two\nB\nR1#three\nR1#fo"
    desk.editor.feed(b"ur\n")
    assert desk.heard[-1] == "four"


def test_lines_typed_while_a_command_runs() -> None:
    desk = Desk()
    desk.editor.output("R1#")
    desk.editor.feed(b"ping x\r")
    desk.editor.output("ping x\n..")
    desk.editor.feed(b"show clock\r")
    desk.editor.feed(b"show ver\r")
    desk.editor.output("!\nR1#")
    desk.editor.output("show clock\n12:00\nR1#show ver\nIOS\nR1#")
    assert desk.heard == ["ping x", "show clock", "show ver"]
    assert desk.screen.text.endswith("!\nR1#show clock\n12:00\nR1#show ver\nIOS\nR1#")


def test_paste_without_marks_in_many_packets() -> None:
    desk = Desk()
    for index in range(200):
        desk.editor.feed(f"line {index}\r\n".encode())
    assert desk.heard == [f"line {index}" for index in range(200)]


def test_tab_completes() -> None:
    desk = Desk(complete=lambda line, position: (line + "sion", len(line) + 4) if line == "show ver" else None)
    desk.editor.feed(b"show ver")
    desk.editor.feed(b"\t")
    desk.editor.feed(b"\r")
    assert desk.heard == ["show version"]
    desk.editor.feed(b"xyz")
    desk.editor.feed(b"\t")
    assert desk.screen.bells == 1


def test_tab_in_the_middle_of_a_packet_is_a_blank() -> None:
    desk = Desk(complete=lambda line, position: ("evil", 4))
    desk.editor.feed(b"show\tclock\r")
    assert desk.heard == ["show clock"]


def help_for(line: str) -> str:
    return f"  help for {line!r}\n"


def test_question_mark_helps() -> None:
    desk = Desk(describe=help_for)
    desk.editor.output("R1#")
    desk.editor.feed(b"show ")
    desk.editor.feed(b"?")
    assert desk.screen.text == "R1#show ?\n  help for 'show '\nR1#show"
    desk.editor.feed(b"clock\r")
    assert desk.heard == ["show clock"]


@pytest.mark.parametrize(
    ("before", "line"),
    [
        (b"show log | include a", "show log | include a?"),
        (b"uci set x='what", "uci set x='what?"),
        (b'description "why', 'description "why?'),
        (b"show clock\x01", "?show clock"),
    ],
)
def test_question_mark_as_a_character(before: bytes, line: str) -> None:
    desk = Desk(describe=help_for)
    desk.editor.feed(before)
    desk.editor.feed(b"?")
    desk.editor.feed(b"\r")
    assert desk.heard == [line]


def test_question_mark_in_a_paste_is_a_character() -> None:
    desk = Desk(describe=help_for)
    desk.editor.feed(b"show ?\r")
    desk.editor.feed(b"\x1b[200~show ?\x1b[201~")
    desk.editor.feed(b"\r")
    assert desk.heard == ["show ?", "show ?"]


def test_question_mark_without_help_is_a_character() -> None:
    desk = Desk(describe=lambda line: "")
    desk.editor.feed(b"ls ?")
    desk.editor.feed(b"?")
    desk.editor.feed(b"\r")
    assert desk.heard == ["ls ??"]


def test_interrupt_begins_a_new_line() -> None:
    desk = Desk()
    desk.editor.output("R1#")
    desk.editor.feed(b"half a li\x1b[D\x03")
    desk.editor.output("^C\nR1#")
    desk.editor.feed(b"show clock\r")
    assert desk.heard == ["<interrupt>", "show clock"]
    assert desk.screen.text == "R1#half a li^C\nR1#show clock"


def test_end_of_input() -> None:
    desk = Desk()
    desk.editor.feed(b"abc\x04")
    assert desk.heard == []
    desk.editor.feed(b"\x15\x04")
    assert desk.heard == ["<end>"]
    desk.editor.end_of_input()
    assert desk.heard == ["<end>", "<end>"]


def test_width_changes() -> None:
    desk = Desk(width=20)
    desk.editor.output("R1#")
    desk.editor.feed(b"a line that is longer than twenty")
    desk.editor.set_width(80)
    desk.editor.feed(b"\r")
    assert desk.heard == ["a line that is longer than twenty"]


def test_without_echo() -> None:
    desk = Desk(echo=False)
    desk.editor.output("R1#")
    desk.editor.feed(b"secret\r")
    assert "secret" not in desk.screen.text
    assert desk.heard == ["secret"]


@pytest.mark.parametrize("term_type", ["xterm-256color", "vt100", "dumb", ""])
def test_any_terminal_type(term_type: str) -> None:
    desk = Desk(term_type=term_type, width=0)
    desk.editor.output("R1#")
    desk.editor.feed(b"show clokc\x08\x08ck\r")
    desk.editor.output("show clock\n12:00\nR1#")
    assert desk.heard == ["show clock"]
    assert desk.screen.text == "R1#show clock\n12:00\nR1#"


def test_bulk_output_is_passed_on_as_it_is() -> None:
    desk = Desk()
    block = "x" * 100 + "\n"
    desk.editor.output(block * 500)
    assert desk.screen.bytes == 102 * 500
    desk.editor.output("y" * 100_000)
    assert desk.screen.bytes - 102 * 500 <= 100_002


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60), st.integers(1, 7))
def test_lines_do_not_depend_on_packets(text: str, size: int) -> None:
    data = text.replace("?", "").replace("\t", "").encode()
    desk = Desk()
    for start in range(0, len(data), size):
        desk.editor.feed(data[start : start + size])
    desk.editor.feed(b"\r")
    whole = Desk()
    whole.editor.feed(data + b"\r")
    assert desk.heard == whole.heard


@given(st.binary(max_size=120))
def test_submitted_lines_are_printable(data: bytes) -> None:
    assert all(line.isprintable() for line in typed_lines(data))


# --- without a terminal -----------------------------------------------------------------------------------------------


def plain(*packets: bytes) -> list[str]:
    heard: list[str] = []
    made = PlainLines(on_line=heard.append, on_eof=lambda: heard.append("<end>"))
    for packet in packets:
        made.feed(packet)
    made.end_of_input()
    return heard


@pytest.mark.parametrize(
    ("packets", "lines"),
    [
        ((b"show clock\nshow ver\n",), ["show clock", "show ver"]),
        ((b"show clock\r\nshow ver",), ["show clock", "show ver"]),
        ((b"a\r", b"\nb\r", b"c"), ["a", "b", "c"]),
        ((b"a\r", b"\0\nb\n"), ["a", "b"]),
        ((b"sho", b"w clock\n"), ["show clock"]),
        ((b"\n\n",), ["", ""]),
        ((b"\tshow\0 clock\n",), [" show clock"]),
        ((b"a\x08b\n",), ["a\x08b"]),
        ((b"show ?\n",), ["show ?"]),
        ((b"caf\xc3", b"\xa9\n"), ["café"]),
        ((b"caf\xe9\n",), ["caf\x80"]),
        ((b"x" * 5000 + b"\ny\n",), ["x" * (MAX_LINE + 1), "y"]),
        ((), []),
    ],
)
def test_plain_lines(packets: tuple[bytes, ...], lines: list[str]) -> None:
    assert plain(*packets) == [*lines, "<end>"]


@given(st.binary(max_size=100), st.integers(1, 9))
def test_plain_lines_do_not_depend_on_packets(data: bytes, size: int) -> None:
    assert plain(data) == plain(*(data[start : start + size] for start in range(0, len(data), size)))
