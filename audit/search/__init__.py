"""Search: an index over commands and output beside the log. A hint that leads to evidence, never evidence itself."""
