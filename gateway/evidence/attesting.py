"""Who vouches for the log besides its own key, by the settings. Counterpart: `audit.publish.attested`."""

from audit.errors import BadEntry
from audit.publish.attested import Attestation
from audit.tlog.policy import Policy
from config.errors import ConfigError
from config.settings import EvidenceSettings


def attestation_of(settings: EvidenceSettings) -> Attestation:
    """Witnesses and the authority for time. Raises `ConfigError` when the file of witnesses is wrong."""
    policy = None
    if settings.witness_policy is not None:
        try:
            policy = Policy.parse(settings.witness_policy.read_bytes())
        except OSError as error:
            raise ConfigError(f"evidence.witness_policy: cannot read {settings.witness_policy}.") from error
        except BadEntry as error:
            raise ConfigError(f"evidence.witness_policy: {settings.witness_policy}: {error}") from error
        if not policy.witness_urls():
            raise ConfigError(f"evidence.witness_policy: no witness in {settings.witness_policy} has a URL to ask at.")
    return Attestation(policy, settings.quorum_alarm_minutes * 60.0, settings.timestamp_url)
