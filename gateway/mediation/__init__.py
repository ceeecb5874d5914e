"""The way of a line from the rep to the router and of output back. Sans-io."""
