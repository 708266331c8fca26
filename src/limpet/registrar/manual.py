"""An operator is the registrar: everything waits until `limpet registrations approve` or `reject` says what became of it.

Their word lies in the queue of what is asked, so that it is heard by whichever process runs, and after a crash.
"""

from __future__ import annotations

from limpet.registrar.port import Answer, Pending, Request


class ManualRegistrar:
    """Implements `Registrar`: never decides by itself."""

    async def submit(self, request: Request) -> Answer:
        """It waits for the operator."""
        return Pending(request.key)

    async def status(self, request: Request) -> Answer:
        """It still does."""
        return Pending(request.key)

    async def close(self) -> None:
        """Nothing to let go of."""
