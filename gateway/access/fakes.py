"""`FakeDirectory`: people and routers in memory. Passes the same contract suite as `gateway.state`."""

from dataclasses import replace
from typing import TypeAlias

from drivers.session import Target
from gateway.access.authenticate import bare_key
from gateway.access.identity import Principal, Router

Routers: TypeAlias = list[Router]


class FakeDirectory:
    """A `Directory` that tests fill by its `add_…` methods."""

    def __init__(self) -> None:
        self._principals: dict[str, Principal] = {}
        self._keys: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self._uids: dict[int, str] = {}
        self._totp: dict[str, str] = {}
        self._steps: dict[str, int] = {}
        self._routers: dict[str, Router] = {}
        self._targets: dict[str, Target] = {}

    def add_principal(
        self,
        principal: Principal,
        *,
        key: str | None = None,
        token: str | None = None,
        uid: int | None = None,
        totp_secret: str | None = None,
    ) -> Principal:
        """Know (or replace) somebody, found by any of the means given."""
        if totp_secret is not None:
            principal = replace(principal, totp_enrolled=True)
            self._totp[principal.id] = totp_secret
        self._principals[principal.id] = principal
        if key is not None:
            self._keys[bare_key(key)] = principal.id
        if token is not None:
            self._tokens[token] = principal.id
        if uid is not None:
            self._uids[uid] = principal.id
        return principal

    def remove_principal(self, principal_id: str) -> None:
        """Know somebody no more."""
        del self._principals[principal_id]

    def add_router(self, router: Router, target: Target | None = None) -> Router:
        """Know a router, and how to reach it."""
        self._routers[router.name] = router
        if target is not None:
            self._targets[router.id] = target
        return router

    async def principal_by_key(self, public_key: str) -> Principal | None:
        return self._principals.get(self._keys.get(bare_key(public_key), ""))

    async def principal_by_name(self, name: str) -> Principal | None:
        return next((p for p in self._principals.values() if p.name == name), None)

    async def principal_by_uid(self, uid: int) -> Principal | None:
        return self._principals.get(self._uids.get(uid, ""))

    async def principal_by_token(self, token: str) -> Principal | None:
        return self._principals.get(self._tokens.get(token, ""))

    async def totp_secret(self, principal_id: str) -> str | None:
        return self._totp.get(principal_id)

    async def accept_totp_step(self, principal_id: str, step: int) -> bool:
        if self._steps.get(principal_id, -1) >= step:
            return False
        self._steps[principal_id] = step
        return True

    async def router_by_name(self, name: str) -> Router | None:
        return self._routers.get(name)

    async def routers(self) -> Routers:
        return sorted(self._routers.values(), key=lambda router: router.name)

    async def target(self, router_id: str) -> Target | None:
        return self._targets.get(router_id)
