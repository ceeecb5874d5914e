"""Recordings of sessions: asciicast v3 in sealed chunks, and their replay."""
