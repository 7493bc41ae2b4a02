"""What all commands share: which server, how long to wait, where to write."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from rich.console import Console
from rich.text import Text

from affect_client import AffectClient, RetryEvent, RetryPolicy, Timeouts
from affect_client.cli.endings import Output
from affect_client.cli.words import plain


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The program's options, and its consoles.

    Values that are None are the client's defaults.
    """

    OPTIONS: ClassVar = ("base_url", "api_key", "timeout", "retries")

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout: float | None = None
    """Seconds."""
    retries: int | None = None
    out: Console = field(default_factory=Output)
    """What was asked for."""
    err: Console = field(default_factory=lambda: Output(stderr=True))
    """Everything else."""

    def with_given(self, **options: object) -> Setup:
        """This, but for the options that are given."""
        given = {name: value for name, value in options.items() if value is not None}
        return replace(self, **given)  # type: ignore[arg-type]  # Typer has checked them

    @property
    def on_terminal(self) -> bool:
        """Whether a person sees what goes to `out` as it comes."""
        return self.out.file.isatty()

    def client(self, *, management_url: str | None = None, connections: int = 100) -> AffectClient:
        """A client of the server that was named.

        Args:
            management_url: of `/models`.
            connections: at a time.

        Raises:
            SettingsError: an option or environment variable cannot be right.
        """
        waits: dict[str, float] = {}
        policy: dict[str, float] = {}
        waits_by_default, tries_by_default = Timeouts(), RetryPolicy()
        if self.timeout is not None:
            # A wait that ends with the call's deadline is the deadline's: a wait for an answer's
            # beginning must not end before.
            waits = dict.fromkeys(("answer_s", "stream_s", "live_s"), self.timeout)
            waits["read_s"] = min(self.timeout, waits_by_default.read_s)
            waits["connect_s"] = min(self.timeout, waits_by_default.connect_s)
            policy["deadline_s"] = self.timeout
        return AffectClient(
            base_url=self.base_url,
            api_key=self.api_key,
            management_url=management_url,
            timeouts=Timeouts(**waits),
            retries=RetryPolicy(
                max_retries=tries_by_default.max_retries if self.retries is None else self.retries,
                **policy,
            ),
            before_retry=self._say_again,
            max_connections=connections,
        )

    def say(self, text: str, style: str = "") -> None:
        """A sentence on `err`, which the terminal wraps."""
        self.err.print(Text(plain(text), style=style), soft_wrap=True)

    def _say_again(self, event: RetryEvent) -> None:
        again = f"Trying again in {event.delay_s:.1f} s."
        # What to do can wait until trying again has not helped.
        said = str(event.error).replace(event.error.advice, "").strip()
        self.say(f"{said} {again}", style="yellow")
