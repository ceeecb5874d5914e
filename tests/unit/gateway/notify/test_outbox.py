"""The outbox in particular: private files, and a console that repeats what a trial needs to see."""

import io
import json
from pathlib import Path

from gateway.consent.notifier import Contact, Message
from gateway.notify.outbox import OutboxNotifier

MESSAGE = Message(
    to=Contact(kind="phone", address="+15145550100", language="en"),
    kind="code",
    language="en",
    subject="Your code",
    body="1234 5678\n",
)


async def test_the_directory_and_its_files_are_private(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "outbox"
    directory.mkdir(parents=True, mode=0o755)
    await OutboxNotifier(directory).send(MESSAGE)
    (path,) = directory.iterdir()
    assert directory.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {
        "to": {"kind": "phone", "address": "+15145550100"},
        "kind": "code",
        "language": "en",
        "subject": "Your code",
        "body": "1234 5678\n",
    }


async def test_the_console_shows_text_but_no_address(tmp_path: Path) -> None:
    console = io.StringIO()
    await OutboxNotifier(tmp_path, console=console).send(MESSAGE)
    assert "1234 5678" in console.getvalue()
    assert "+1514" not in console.getvalue()
