"""`record`: a dataclass that nobody changes, made in a quarter of the time that a frozen one takes.

For values that are made by the thousand. A frozen dataclass sets each field through `object.__setattr__`; a `record` is
frozen for the type checker, which every commit runs, and plain when the program runs. Proofs (`audit.rpc.RecordedRpc`)
stay frozen: they MUST NOT be changed by a mistake that no checker sees.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def record(cls: type[T], /) -> type[T]: ...
@overload
def record(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True)
def record(cls: type[T] | None = None, /, *, kw_only: bool = False) -> type[T] | Callable[[type[T]], type[T]]:
    """A dataclass with slots; equal and hashed by its fields."""
    made = dataclass(slots=True, kw_only=kw_only, unsafe_hash=True)
    return made if cls is None else made(cls)
