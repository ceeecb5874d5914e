"""SOAP envelopes of CWMP: bytes to messages and back. `envelope` is the way in; nothing of XML leaves here."""
