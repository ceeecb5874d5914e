"""Numbers of things in sentences for people: `1 entry`, `2 entries`."""


def counted(number: int, one: str, many: str = "") -> str:
    """`number` and its word; `many` where an s behind `one` would not do."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def entries(number: int) -> str:
    """`1 entry`, `2 entries`."""
    return counted(number, "entry", "entries")
