"""What every action is: data with a description, and the doing of it in a world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class ActionFailed(Exception):
    """An action did not succeed; the text is a sentence that follows the step's own."""


class World(Protocol):
    """What an action may use of the runner that carries it out."""

    answers: dict[str, Any]

    @property
    def deployment(self) -> str:
        """The id of the deployment under way."""

    @property
    def lock_handle(self) -> int | None:
        """The descriptor of the lock, for children to inherit; None where there is no lock."""

    def tell(self, text: str) -> None:
        """Show `text`, output of a command, to whoever listens."""

    def warn(self, text: str) -> None:
        """Tell something that the user must know though it stops nothing."""

    def keep(self, key: str, value: Any) -> None:
        """Add `value` to the list called `key` of the deployment's story."""

    def note(self, text: str) -> None:
        """Leave a short result in the line of the step."""

    def learn_secrets(self, values: tuple[str, ...]) -> None:
        """Mask these values wherever they turn up from now on."""

    def pause(self, seconds: float) -> None:
        """Wait; raises Cancelled at once when the deployment is called off and may still be."""

    def cancelled(self) -> bool:
        """Whether the deployment is called off and still may be."""

    def agent(self, spec: Any) -> Any:
        """The Django process of a release, started when it is first asked for."""

    def blobs(self, wanted: tuple[str, ...]) -> Any:
        """Pairs (blob id, bytes) that the controller sends for the ids wanted."""


@dataclass(frozen=True)
class Action:
    """One thing to do on a host. Frozen: a plan is made once, shown, and carried out as it was shown."""

    def describe(self) -> str:
        """One line for people: what is done, with no secret in it."""
        raise NotImplementedError

    def do(self, world: World) -> None:
        """Do it. Raises ActionFailed, a DeployError or OSError."""
        raise NotImplementedError
