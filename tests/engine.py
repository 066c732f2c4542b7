"""What the order engine accepts as a signal, as it was measured from outside, written down anew.

Its enumerations are case-sensitive, percentages are fractions, and a timestamp is read as text
only. Keys it does not know are ignored, but some that it knows are trusted, and so forbidden here.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
NotEmpty = Annotated[str, StringConstraints(min_length=1)]
Carrier = dict[Literal["traceparent", "tracestate"], NotEmpty]


class EngineSignal(BaseModel):
    """One signal, as the engine reads it."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    strategy_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
    symbol: str
    action: Literal["buy", "sell", "hold", "close"]
    confidence: Fraction
    price: float
    quantity: Annotated[float, Field(ge=0)]
    current_price: float
    source: Literal["petrosa-cio"]
    strategy: str
    timestamp: NotEmpty
    signal_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    decision_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    strategy_mode: Literal["deterministic", "ml_light", "llm_reasoning"]
    position_size_pct: None
    quote_quantity: None
    stop_loss: float | None
    take_profit: float | None
    stop_loss_pct: Fraction | None
    take_profit_pct: Fraction | None
    metadata: dict[str, Any]
    timeframe: str
    order_type: Literal[
        "market",
        "limit",
        "stop",
        "stop_limit",
        "take_profit",
        "take_profit_limit",
        "conditional_limit",
        "conditional_stop",
    ]
    time_in_force: Literal["GTC", "IOC", "FOK", "GTX"]
    otel_context: Carrier = Field(alias="_otel_trace_context", min_length=1)
    otel_headers: Carrier = Field(alias="_otel_trace_headers", min_length=1)

    @field_validator("timestamp")
    @classmethod
    def _is_an_aware_instant(cls, text: str) -> str:
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError("naive")
        return text
