"""The I/O shell around the mediator: the live session, and the use cases that front ends share."""
