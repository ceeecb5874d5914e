"""`/v1/status`: how the gateway, its log and what depends on the log are. Counterpart: `gateway.evidence.status`."""

from typing import Annotated, TypeAlias

from fastapi import Depends, Request
from pydantic import Field

from gateway.api.fields import Wire
from gateway.api.given import Caller, guarded
from gateway.evidence.status import Status, StatusBoard

routes = guarded("gateway")


def _board(request: Request) -> StatusBoard:
    board: StatusBoard = request.app.state.status
    return board


Board: TypeAlias = Annotated[StatusBoard, Depends(_board)]
Seconds: TypeAlias = Annotated[float, Field(ge=0)]
Count: TypeAlias = Annotated[int, Field(ge=0)]


class CheckpointOut(Wire):
    """The last signed checkpoint."""

    size: Count | None = Field(description="Entries under it; none if nothing was signed since the start.")
    age_seconds: Seconds | None
    unsigned_seconds: Seconds = Field(description="How long the oldest entry has waited for a signature.")
    signer_answers: bool = Field(description="Whether the signer answered when it was last asked.")


class QuorumOut(Wire):
    """The witnesses."""

    age_seconds: Seconds = Field(description="Since a quorum cosigned, or since the start if none ever did.")
    policy: str | None = Field(description="The file of witnesses.")
    alarm_seconds: Seconds


class FeedOut(Wire):
    """A feed."""

    name: str
    behind: Count | None = Field(description="Entries to deliver; none if its cursor cannot be read.")


class DiskOut(Wire):
    """The file system of the data directory, in bytes."""

    total: Count
    free: Count
    low: bool = Field(description="Less than a tenth is free.")


class StatusOut(Wire):
    """How everything is."""

    origin: str
    size: Count = Field(description="Entries of the log.")
    recording: bool
    checkpoint: CheckpointOut | None = Field(description="None: another worker signs.")
    quorum: QuorumOut | None = Field(description="None: no quorum of witnesses is asked for.")
    undelivered_seconds: Seconds | None = Field(description="To object storage; none: there is none.")
    index_behind: Count | None = Field(description="Entries; none: no index is kept.")
    feeds: tuple[FeedOut, ...]
    approvals: Count | None = Field(description="That wait for a second person.")
    sessions: Count = Field(description="Live, on this worker.")
    disk: DiskOut
    warnings: tuple[str, ...]


@routes.get("/v1/status", operation_id="status", summary="How the gateway, its log and its disk are")
async def status(auth: Caller, board: Board) -> StatusOut:
    """For operators, supervisors and auditors. Sizes, ages and delays; nothing personal."""
    return _out(await board.status(auth), board)


def _out(found: Status, board: StatusBoard) -> StatusOut:
    standing, signing = found.standing, found.standing.signing
    return StatusOut(
        origin=found.origin,
        size=found.size,
        recording=found.recording,
        checkpoint=None
        if signing is None
        else CheckpointOut(
            size=signing.size,
            age_seconds=signing.age_seconds,
            unsigned_seconds=signing.unsigned_seconds,
            signer_answers=signing.answers,
        ),
        quorum=None
        if standing.quorum_age is None
        else QuorumOut(age_seconds=standing.quorum_age, policy=board.witness_policy, alarm_seconds=board.alarm_seconds),
        undelivered_seconds=standing.undelivered_seconds,
        index_behind=found.index_behind,
        feeds=tuple(FeedOut(name=feed.name, behind=feed.behind) for feed in found.feeds),
        approvals=found.approvals,
        sessions=found.sessions,
        disk=DiskOut(total=found.disk.total, free=found.disk.free, low=found.disk.low),
        warnings=found.warnings,
    )
