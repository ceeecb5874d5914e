"""The notifier the settings name. Secrets come from files of mode 0600, never from the settings."""

from pathlib import Path
from typing import assert_never

from config.errors import ConfigError
from config.files import read_private
from config.settings import Settings
from gateway.consent.notifier import Notifier
from gateway.notify.outbox import OutboxNotifier, console


def notifier_for(settings: Settings, *, to_console: bool = False) -> Notifier:
    """Ready to send. Raises `ConfigError` if something it needs is missing."""
    notify = settings.notify
    match notify.kind:
        case "outbox":
            return OutboxNotifier(settings.outbox_dir, console=console() if to_console else None)
        case "smtp":
            if (notify.smtp_user is None) != (notify.smtp_password_file is None):
                raise ConfigError("notify.smtp_user and notify.smtp_password_file are set both or not at all.")
            from gateway.notify.smtp import SmtpNotifier

            return SmtpNotifier(
                host=notify.smtp_host,
                port=notify.smtp_port,
                sender=notify.smtp_sender,
                starttls=notify.smtp_starttls,
                user=notify.smtp_user,
                password=_secret("notify.smtp_password_file", notify.smtp_password_file),
            )
        case "sms_webhook":
            if notify.sms_url is None:
                raise ConfigError("notify.sms_url is missing; it is needed with notify.kind = sms_webhook.")
            from gateway.notify.sms_webhook import SmsWebhookNotifier

            return SmsWebhookNotifier(url=notify.sms_url, token=_secret("notify.sms_token_file", notify.sms_token_file))
        case never:
            assert_never(never)


def _secret(key: str, path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        secret = read_private(path).decode().strip()
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{key}: {path} is no text.") from error
    if not secret:
        raise ConfigError(f"{key}: {path} is empty.")
    return secret
