"""What an operator counts, in Prometheus's format by its own client library.

Always true: nothing here has a label that a person chose; models are those that the providers offer.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from datalayer.observer import Observer, Outcome

from .records import CallRecord
from .tracing import Traces

_MOST_MODELS = 50
"""A provider of hundreds must not make as many series."""
_TRANSACTIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 5.0)
_ANSWERS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)


class Metrics(Observer):
    """Of one process. `also`: where calls of models are traced besides."""

    def __init__(self, also: Traces) -> None:
        self._also = also
        self._models: set[str] = set()
        kept = self._registry = CollectorRegistry()
        ProcessCollector(registry=kept)
        self._writes = Counter("threadkeep_writes", "Writes by what became of them", ["outcome"], registry=kept)
        self._reads = Counter("threadkeep_reads", "Reads of the database", ["outcome"], registry=kept)
        self._transactions = Histogram(
            "threadkeep_transaction_seconds", "Transactions of writes", buckets=_TRANSACTIONS, registry=kept
        )
        self._calls = Counter(
            *("threadkeep_calls", "Calls of models that have ended"),
            ["kind", "model", "status", "fallback"],
            registry=kept,
        )
        self._answers = Histogram(
            "threadkeep_turn_seconds", "From a question to the end of its answer", buckets=_ANSWERS, registry=kept
        )
        self._tokens = Counter("threadkeep_tokens", "Tokens that calls took", ["model", "direction"], registry=kept)
        self._cost = Counter("threadkeep_cost_dollars", "What calls cost, as far as known", ["model"], registry=kept)
        self.waiting = Gauge("threadkeep_writes_waiting", "Writes that the database does not have yet", registry=kept)
        self.degraded = Gauge("threadkeep_store_degraded", "1: writes wait in the spool", registry=kept)
        self.sessions = Gauge("threadkeep_sessions", "Open sessions of pages", registry=kept)
        self.redis = Gauge("threadkeep_redis_up", "1: Redis is used; 0: it is away, or there is none", registry=kept)
        for outcome in ("stored", "spooled", "failed"):  # a series that is not there cannot be seen to rise
            self._writes.labels(outcome)
        for outcome in ("answered", "failed"):
            self._reads.labels(outcome)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)

    # What the data layer tells

    def wrote(self, outcome: Outcome) -> None:
        self._writes.labels(outcome).inc()

    def committed(self, seconds: float) -> None:
        self._transactions.observe(seconds)

    def read(self, answered: bool) -> None:
        self._reads.labels("answered" if answered else "failed").inc()

    # What `Traces` tells

    def record(self, call: CallRecord) -> None:
        model = self._name(call.model)
        self._calls.labels(call.kind, model, call.status, call.fallback or "").inc()
        if call.kind == "turn":
            self._answers.observe(call.latency / 1_000_000)
        if usage := call.usage:
            taken = {"in": usage.tokens_in, "out": usage.tokens_out, "cached": usage.tokens_cached}
            for direction, tokens in taken.items():
                self._tokens.labels(model, direction).inc(tokens)
        if call.cost:
            self._cost.labels(model).inc(call.cost.nano_usd / 1e9)
        self._also.record(call)

    def score(self, call_id: str, value: int | None, comment: str | None, at: int | None = None) -> None:
        self._also.score(call_id, value, comment, at)

    async def close(self) -> None:
        await self._also.close()

    def _name(self, model: str) -> str:
        if model not in self._models and len(self._models) < _MOST_MODELS:
            self._models.add(model)
        return model if model in self._models else "other"
