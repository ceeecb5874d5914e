"""Rich's console as `gateway.cli.output` prints with it; loaded with the first line that is printed."""

from rich.console import Console


class PipeConsole(Console):
    """Rich's, except that a closed pipe is the caller's to handle."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - called from the handler of the BrokenPipeError
