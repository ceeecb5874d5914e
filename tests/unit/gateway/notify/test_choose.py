"""The settings name the way; what is missing is said before anything is sent."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import NotifySettings, Settings
from gateway.notify import notifier_for
from gateway.notify.outbox import OutboxNotifier
from gateway.notify.sms_webhook import SmsWebhookNotifier
from gateway.notify.smtp import SmtpNotifier


def settings(tmp_path: Path, **notify: object) -> Settings:
    return Settings(data_dir=tmp_path, notify=NotifySettings.model_validate(notify))


def secret(tmp_path: Path, text: str = "s3cret\n", mode: int = 0o600) -> Path:
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    return path


async def test_each_kind(tmp_path: Path) -> None:
    assert isinstance(notifier_for(settings(tmp_path)), OutboxNotifier)
    mail = settings(tmp_path, kind="smtp", smtp_user="u", smtp_password_file=secret(tmp_path))
    assert isinstance(notifier_for(mail), SmtpNotifier)
    sms = notifier_for(
        settings(tmp_path, kind="sms_webhook", sms_url="http://127.0.0.1:1/", sms_token_file=secret(tmp_path))
    )
    assert isinstance(sms, SmsWebhookNotifier)
    await sms.close()


@pytest.mark.parametrize(
    ("notify", "words"),
    [
        ({"kind": "sms_webhook"}, "sms_url"),
        ({"kind": "smtp", "smtp_user": "u"}, "smtp_password_file"),
        ({"kind": "smtp", "smtp_user": "u", "smtp_password_file": "/nowhere/at-all"}, "no such file"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, notify: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        notifier_for(settings(tmp_path, **notify))


def test_a_secret_others_can_read_is_refused(tmp_path: Path) -> None:
    open_file = secret(tmp_path, mode=0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        notifier_for(settings(tmp_path, kind="smtp", smtp_user="u", smtp_password_file=open_file))


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    empty = secret(tmp_path, text="\n")
    with pytest.raises(ConfigError, match="empty"):
        notifier_for(settings(tmp_path, kind="smtp", smtp_user="u", smtp_password_file=empty))
