"""Sending a session's resolves elsewhere: `{service: [{"version", "target", "targetVersion"}]}`."""

from __future__ import annotations

from typing import Any, cast


def with_route(routes: object, service: str, version: str, target: str, target_version: str) -> dict[str, Any]:
    """A session's routes and one more. What is none of ours is dropped."""
    known = dict(cast("dict[str, Any]", routes)) if isinstance(routes, dict) else {}
    before = known.get(service)
    entries = list(cast("list[object]", before)) if isinstance(before, list) else []
    known[service] = [*entries, {"version": version, "target": target, "targetVersion": target_version}]
    return known


def routed(routes: object, service: str, version: str | None) -> tuple[str, str | None]:
    """Where a resolve goes: the first route of its service and version, or where it wanted to go.

    Routes come from other processes: whatever is not as it should be is passed over.
    """
    entries = cast("dict[str, Any]", routes).get(service) if isinstance(routes, dict) else None
    for entry in cast("list[object]", entries) if isinstance(entries, list) else []:
        route = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        target, target_version = route.get("target"), route.get("targetVersion")
        if route.get("version") == version and isinstance(target, str):
            return target, target_version if isinstance(target_version, str) else None
    return service, version
