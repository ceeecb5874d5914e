"""What the operator decides, and opening what it names. Decides nothing itself; needed by every other package."""
