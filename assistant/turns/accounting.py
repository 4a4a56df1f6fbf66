"""What a call of a model came to: stored as a row of usage, and traced."""

import uuid
from contextlib import suppress
from dataclasses import replace

from datalayer import DataLayerError
from datalayer.records import now
from datalayer.writes import VISITOR, RecordUsage

from ..models.calls import Meter
from ..services import Services
from ..usage.prices import cost
from ..usage.records import CallKind, CallRecord, CallStatus


def record_of(
    meter: Meter,
    thread_id: str,
    user: str | None,
    *,
    kind: CallKind,
    status: CallStatus,
    question: str,
    answer: str,
    id: str | None = None,
    fallback: str | None = None,
) -> CallRecord:
    """What ``meter`` has measured. ``user``: who asked, by name. ``id`` None: a new one."""
    return CallRecord(
        id=id or str(uuid.uuid4()),
        thread_id=thread_id,
        user=user,
        kind=kind,
        model=meter.model,
        provider=meter.provider,
        status=status,
        fallback=fallback,
        usage=meter.usage,
        estimated=meter.estimated,
        cost=cost(meter.model, meter.provider, meter.usage) if meter.usage else None,
        started_at=meter.started_at,
        latency=meter.elapsed,
        first_token=meter.first_token,
        question=question,
        answer=answer,
    )


def account(record: CallRecord, services: Services) -> None:
    """Accepted at once, and stored although whoever asked may be cancelled. Of a temporary conversation only what was
    used counts."""
    if services.layer.is_temporary():
        record = replace(record, id=str(uuid.uuid4()), thread_id="", question="", answer="", traced=False)
    usage, price = record.usage, record.cost
    row = RecordUsage(
        actor=record.user or VISITOR,
        thread_id=record.thread_id,
        at=now(),
        id=record.id,
        kind=record.kind,
        model=record.model,
        provider=record.provider,
        status=record.status,
        fallback=record.fallback,
        tokens_in=usage.tokens_in if usage else None,
        tokens_out=usage.tokens_out if usage else None,
        tokens_cached=usage.tokens_cached if usage else None,
        estimated=record.estimated,
        cost=price.nano_usd if price else None,
        price_version=price.version if price else None,
        started_at=record.started_at,
        latency=record.latency,
        first_token=record.first_token,
    )
    with suppress(DataLayerError):  # the layer logs it; the answer itself is stored
        services.layer.store.submit(row)
    services.traces.record(record)
