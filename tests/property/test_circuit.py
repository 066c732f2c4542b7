"""The circuit breaker beside a model of it, under any order of calls, ends and time."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from petrosa_cio.fleet.circuit import Circuit, CircuitState

FAILURES, REST_S = 3, 10.0


@dataclass
class Model:
    """What is expected, told as a story: failures in a row, and when the rest ends."""

    in_a_row: int = 0
    rests_until: float | None = None
    probe: int | None = None
    under_way: list[int] = field(default_factory=list)


class CircuitMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.model = Model()
        self.circuit = Circuit(lambda: self.now, failures=FAILURES, rest_s=REST_S)

    @rule(seconds=st.sampled_from([0.5, 4.0, 10.0, 11.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def begin(self) -> None:
        call, model = self.circuit.begin(), self.model
        rests = model.rests_until is not None and self.now < model.rests_until
        probing = model.rests_until is not None and model.probe is not None
        assert (call is None) == (rests or probing)
        if call is not None:
            assert call not in model.under_way
            model.under_way.append(call)
            if model.rests_until is not None:
                model.probe = call

    @precondition(lambda self: self.model.under_way)
    @rule(data=st.data(), well=st.booleans())
    def end(self, data: st.DataObject, well: bool) -> None:
        model = self.model
        call = data.draw(st.sampled_from(model.under_way))
        model.under_way.remove(call)
        self.circuit.end(call, well=well)
        if model.rests_until is None:
            model.in_a_row = 0 if well else model.in_a_row + 1
            if model.in_a_row >= FAILURES:
                model.rests_until = self.now + REST_S
        elif call == model.probe:
            model.probe, model.in_a_row = None, 0
            model.rests_until = None if well else self.now + REST_S

    @invariant()
    def says_how_it_is(self) -> None:
        until = self.model.rests_until
        if until is None:
            assert self.circuit.state is CircuitState.CLOSED
            assert self.circuit.rests_for_s == 0
        else:
            rests = self.now < until
            assert self.circuit.state is (CircuitState.OPEN if rests else CircuitState.HALF_OPEN)
            assert self.circuit.rests_for_s == max(0.0, until - self.now)


TestCircuit = CircuitMachine.TestCase
