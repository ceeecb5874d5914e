"""Witnesses of logs (C2SP tlog-witness): the server anyone can run, and the client of those who are witnessed."""
