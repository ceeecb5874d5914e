"""The front end for CPEs (TR-069): a listener that knows who calls, and two modes that say what they are told."""
