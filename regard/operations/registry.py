"""Every operation this server provides, each behind the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from regard.accountability.gate import Gate
from regard.domain.authority import Caller, Channel
from regard.domain.callers import Principal
from regard.domain.results import Result
from regard.operations.acts import ACTS, ActRule
from regard.operations.call import Call, Family, LookFirst, Operation
from regard.operations.idempotency import Idempotency

Handler = Callable[[Principal, Mapping[str, Any], str], Result]


def handlers(
    families: Sequence[Family], *, gate: Gate, idempotency: Idempotency, acts: Mapping[str, ActRule] = ACTS
) -> dict[str, Handler]:
    """The operations of these families, as the wire calls them: with the caller, the input and the request's id. `acts`
    says what each is to the gate."""
    operations = {name: operation for family in families for name, operation in family.operations().items()}
    return {name: _guarded(name, operation, acts[name], gate, idempotency) for name, operation in operations.items()}


def _guarded(name: str, operation: Operation, rule: ActRule, gate: Gate, idempotency: Idempotency) -> Handler:
    def handle(principal: Principal, request: Mapping[str, Any], request_id: str) -> Result:
        caller = Caller(principal=principal, channel=Channel.AWS, request_id=request_id)
        with gate.open(caller, rule.act(name, request)) as grant:
            call = Call(grant, request, request_id)
            if not isinstance(operation, LookFirst):
                return idempotency.answer(principal, name, request, lambda: operation(call))
            if (answered := idempotency.known(principal, name, request)) is not None:
                return answered
            return idempotency.answer(principal, name, request, operation.look(call))

    return handle
