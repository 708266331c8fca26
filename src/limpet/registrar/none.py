"""No registrar: records only. Whatever is written down counts as done, since somebody else has seen to it."""

from __future__ import annotations

from limpet.registrar.port import Answer, Approved, Request


class NoRegistrar:
    """Implements `Registrar`: approves at once."""

    async def submit(self, request: Request) -> Answer:
        """Done."""
        return Approved(request.key)

    async def status(self, request: Request) -> Answer:
        """Done."""
        return Approved(request.key)

    async def close(self) -> None:
        """Nothing to let go of."""
