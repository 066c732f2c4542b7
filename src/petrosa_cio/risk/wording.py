"""One sentence for each reason code: what was found, with its numbers, and what would have passed.

The meaning of a code, without numbers, is the docstring of its check; see
`petrosa_cio.risk.catalogue`. Here ``{limit}``, ``{observed}`` and ``{scope}`` stand for the
values of one reason.
"""

from dataclasses import dataclass

from petrosa_cio.risk.reasons import ReasonCode as Code


@dataclass(frozen=True, slots=True)
class Wording:
    """How one reason is put.

    Attributes:
        found: What was objected to.
        passes: What would have passed. Where a reason says which quantity would, that is said
            instead.
        absent: Said instead of ``found`` where the observed value is that there is none.
    """

    found: str
    passes: str
    absent: str = ""


_ALLOWED = "One of these: {limit}."
_RESUMED = "The same intent after `cio resume{option}`."

WORDINGS: dict[Code, Wording] = {
    Code.INTENT_MALFORMED: Wording(
        "The message cannot be read as an intent: {observed}.",
        "A message in the form that docs/CONTRACTS.md describes.",
    ),
    Code.NOT_AN_ORDER: Wording(
        "The intent says {observed}, which is advice and no order.",
        "An intent that says buy, sell or close.",
    ),
    Code.INTENT_STALE: Wording(
        "The intent is {observed} old, and {limit} is the most.",
        "The same intent, if it reaches the gate within {limit} of being made.",
    ),
    Code.INTENT_FROM_FUTURE: Wording(
        "The intent's own time lies {observed} ahead of the gate's clock, and {limit} is the most.",
        "The same intent from a machine whose clock is right.",
    ),
    Code.QUANTITY_NOT_POSITIVE: Wording(
        "The stated size is {observed}; a size must be {limit}.",
        "A size above 0, or none at all, which leaves the size to the policy.",
    ),
    Code.PRICE_NOT_POSITIVE: Wording(
        "One of the stated prices is {observed}; a price must be {limit}.",
        "The same intent with its prices right.",
        absent="The opening states no price, so nobody can tell what it is worth.",
    ),
    Code.CONFIDENCE_INVALID: Wording(
        "The stated confidence is {observed}; it must lie within {limit}.",
        "A confidence from {limit}.",
        absent="The opening states no confidence.",
    ),
    Code.SIZE_UNKNOWN: Wording(
        "The intent states no size that can be worked out, and the policy gives it none.",
        "A quantity; or a size in per cent where the equity is known; or a policy that states "
        "unsized_order_usd.",
    ),
    Code.STOP_LOSS_WRONG_SIDE: Wording(
        "The stop loss at {observed} would not protect: it must lie {limit}.",
        "A stop loss {limit}.",
    ),
    Code.TAKE_PROFIT_WRONG_SIDE: Wording(
        "The target at {observed} would not win anything: it must lie {limit}.",
        "A target {limit}.",
    ),
    Code.STRATEGY_NOT_ALLOWED: Wording(
        "The strategy {observed} may not open positions; allowed: {limit}.", _ALLOWED
    ),
    Code.SYMBOL_NOT_ALLOWED: Wording("{observed} may not be opened; allowed: {limit}.", _ALLOWED),
    Code.SYMBOL_NOT_ALLOWED_FOR_STRATEGY: Wording(
        "This strategy may not open {observed}; allowed to it: {limit}.", _ALLOWED
    ),
    Code.ACTION_NOT_ALLOWED: Wording(
        "The action {observed} is not allowed here; allowed: {limit}.", _ALLOWED
    ),
    Code.ORDER_TYPE_NOT_ALLOWED: Wording(
        "Orders of the type {observed} are not allowed; allowed: {limit}.", _ALLOWED
    ),
    Code.TRADING_WINDOW_CLOSED: Wording(
        "It is {observed} UTC, and positions may only be opened at these hours, UTC: {limit}.",
        "The same intent at an hour that is allowed.",
    ),
    Code.NOTIONAL_ABOVE_MAX: Wording(
        "The order is worth {observed} USD, and one order may be worth {limit} USD at most.",
        "An order worth {limit} USD or less.",
    ),
    Code.QUANTITY_ABOVE_MAX: Wording(
        "The order's quantity is {observed}, and one order may have {limit} at most.",
        "A quantity of {limit} or less.",
    ),
    Code.VENUE_RULES_MISSING: Wording(
        "The venue does not trade {scope} now.",
        "The same intent once the venue trades {scope} and its rules are known.",
        absent="Nobody has said what the venue asks of orders in {scope}, and the policy wants it "
        "known.",
    ),
    Code.NOTIONAL_BELOW_VENUE_MIN: Wording(
        "At the venue the order would be worth {observed} USD, and {limit} USD is the least it "
        "takes; the order engine would raise it without saying so.",
        "An order worth {limit} USD or more at the lowest price that is named.",
    ),
    Code.QUANTITY_OUTSIDE_VENUE: Wording(
        "The quantity that would reach the venue is {observed}, and it takes {limit}.",
        "A quantity of {limit}.",
    ),
    Code.QUANTITY_OFF_STEP: Wording(
        "The quantity {observed} is not one that the venue takes: it must be {limit}.",
        "A quantity that is {limit}.",
    ),
    Code.PRICE_OFF_TICK: Wording(
        "The price {observed} is not one that the venue takes: it must be {limit}.",
        "A price that is {limit}.",
    ),
    Code.REFERENCE_PRICE_MISSING: Wording(
        "Nobody independent has said what {scope} costs, and {limit} needs it.",
        "The same intent once a market price of {scope} has arrived.",
    ),
    Code.REFERENCE_PRICE_STALE: Wording(
        "The last market price of {scope} is from {observed}, and {limit} is the most.",
        "The same intent once a newer market price of {scope} has arrived.",
    ),
    Code.PRICE_OUTSIDE_COLLAR: Wording(
        "The {scope} of {observed} is too far from the market; allowed: {limit}.",
        "The same intent with its {scope} inside: {limit}.",
    ),
    Code.CONFIDENCE_BELOW_MIN: Wording(
        "The strategy's confidence is {observed}, and at least {limit} is asked for.",
        "A confidence of {limit} or more.",
    ),
    Code.STOP_LOSS_REQUIRED: Wording(
        "The intent states no stop loss, and the policy asks for one.",
        "The same intent with a stop loss.",
    ),
    Code.STOP_LOSS_TOO_FAR: Wording(
        "The stop loss at {scope} lies {observed} from where the order would trade, and {limit} is "
        "the most.",
        "A stop loss within {limit}.",
    ),
    Code.REWARD_RISK_BELOW_MIN: Wording(
        "The target is {observed} times as far away as the stop loss, and at least {limit} times "
        "is asked for.",
        "A target that is {limit} times as far away as the stop loss, or more.",
        absent="The intent states {observed}, so nobody can tell what is won for what is risked.",
    ),
    Code.LEVERAGE_ABOVE_MAX: Wording(
        "The intent asks for a leverage of {observed}; allowed: {limit}.",
        "A leverage of {limit}, or none asked for.",
    ),
    Code.REGIME_UNKNOWN: Wording(
        "Nobody has said which market regime {scope} is in, and the policy wants it known.",
        "The same intent once the regime is known, by a feed or by `cio regime set`.",
    ),
    Code.REGIME_STALE: Wording(
        "The market regime of {scope} was observed {observed} ago, and {limit} is the most.",
        "The same intent once the regime is observed anew.",
    ),
    Code.REGIME_CONFIDENCE_LOW: Wording(
        "The market regime {scope} is only {observed} certain, and at least {limit} is asked for.",
        "The same intent in a regime that is {limit} certain or more.",
    ),
    Code.REGIME_VETO: Wording(
        "In the market regime {scope} no {observed} may be opened; allowed: {limit}.",
        "An opening in an allowed direction, or the same intent in another regime.",
    ),
    Code.REGIME_SCALED: Wording(
        "In the market regime {scope} every size is multiplied by {limit}.",
        "The full size in another regime.",
    ),
    Code.PORTFOLIO_UNKNOWN: Wording(
        "{limit} needs to know what the fund holds, and nobody says it ({scope}).",
        "The same intent once the portfolio is known.",
    ),
    Code.PORTFOLIO_STALE: Wording(
        "What the fund holds was seen {observed} ago by {scope}, and {limit} is the oldest that "
        "counts.",
        "The same intent once the portfolio is fresh.",
    ),
    Code.SEMANTIC_CONTRADICTION: Wording(
        "The intent contradicts itself: {observed}.",
        "An intent whose description says the same as its order.",
    ),
    Code.DAILY_LOSS_REACHED: Wording(
        "The fund has lost {observed} of its equity on {scope}, and {limit} in a day is where "
        "openings end.",
        "An exit now, or the same intent on another day.",
        absent="There is {observed} of what the fund has lost today, and the policy limits it to "
        "{limit}.",
    ),
    Code.DRAWDOWN_REACHED: Wording(
        "The fund's equity is {observed} below its peak, and at {limit} openings end.",
        "An exit now, or the same intent after `cio resume`.",
        absent="There is {observed} of how far the fund's equity is below its peak, and the policy "
        "limits that to {limit}.",
    ),
    Code.STRATEGY_DRAWDOWN_REACHED: Wording(
        "What {scope} has earned is {observed} below its highest, and at {limit} its openings end.",
        "An exit now, or the same intent after `cio resume{option}`.",
        absent="There is {observed} of what {scope} has lost, and the policy limits it to {limit}.",
    ),
    Code.LOSING_STREAK: Wording(
        "{scope} had {observed} in a row, and its openings wait at {limit}.",
        "An exit now, or the same intent once it has cooled down.",
        absent="There is {observed} of what {scope} has lost, and the policy counts its losses: "
        "{limit} at most.",
    ),
    Code.FUND_HALTED: Wording("The trading state of the fund is {observed}.", _RESUMED),
    Code.STRATEGY_HALTED: Wording("The strategy {scope} is {observed}.", _RESUMED),
    Code.SYMBOL_HALTED: Wording("The symbol {scope} is {observed}.", _RESUMED),
    Code.REDUCING_ONLY: Wording(
        "Positions may only be reduced ({scope}), and {observed} opens one.",
        "An exit now, or the same intent after `cio resume`.",
    ),
    Code.STRATEGY_PAUSED: Wording(
        "The strategy {scope} is paused, because it repeated itself too often.",
        "An exit now, or the same intent after `cio resume{option}`.",
    ),
    Code.POLICY_MISSING: Wording(
        "There is no policy in force, so nothing is known of what may be traded.",
        "The same intent once a policy is in force.",
    ),
    Code.POLICY_STALE: Wording(
        "The policy was last confirmed {observed} ago, and {limit} is the most.",
        "The same intent once Redis has confirmed the policy.",
        absent="The policy was never confirmed by the store that holds it.",
    ),
    Code.POLICY_UNTRUSTED: Wording(
        "The policy that the store offers cannot be trusted: {observed}.",
        "The same intent once a policy is in force that can be trusted.",
    ),
    Code.LIMIT_NOT_SET: Wording(
        "The charter requires limits that nobody has set: {observed}.",
        "The same intent once the policy sets them.",
    ),
    Code.STRATEGY_NAME_COLLIDES: Wording(
        "The strategy's name reads the same on the wire as that of another one, {observed}.",
        "The same intent from a strategy with a name of its own.",
    ),
    Code.INTENT_REPEATED: Wording(
        "The same intent was decided before, in decision {observed}, and that verdict stands.",
        "A new intent, with an id of its own.",
    ),
    Code.INTENT_ID_REUSED: Wording(
        "The intent's id was used before for something else, in decision {observed}.",
        "The same intent with an id of its own.",
    ),
    Code.OVERRIDE_USED: Wording(
        "The override for this order was used before, in decision {observed}.",
        "An order within every limit, or one with an override of its own.",
    ),
    Code.RATE_ABOVE_MAX: Wording(
        "{scope} sends too fast: {limit} is the most, and this would be number {observed}.",
        "The same intent a little later.",
    ),
    Code.CONTENT_REPEATED: Wording(
        "The strategy had the same symbol, action and size approved a moment ago: {limit} is the "
        "most, and this would be number {observed}.",
        "The same intent once that time is over, or one of another size.",
    ),
    Code.REPEATED_EXECUTION: Wording(
        "The strategy opened the same symbol in the same direction before: {limit} is the most, "
        "and this would be number {observed}.",
        "The same intent after a person has looked at the strategy and resumed it.",
    ),
    Code.SIGNAL_CONFLICT: Wording(
        "An opening of {scope} in the other direction stands against it ({limit}): decision "
        "{observed}.",
        "The same intent once that time is over.",
    ),
    Code.COLLAR_DRIFT: Wording(
        "The price is {observed} away from those at which {scope} was opened in the last hour, and "
        "{limit} is the most.",
        "A price within {limit} of those.",
    ),
    Code.POSITION_ABOVE_MAX: Wording(
        "With this order {scope} would come to {observed} USD, and {limit} USD is the most.",
        "A smaller order, or the same one once exposure has come down.",
    ),
    Code.GROSS_EXPOSURE_ABOVE_MAX: Wording(
        "With this order all exposures together would come to {observed} USD, and {limit} USD is "
        "the most.",
        "A smaller order, or the same one once exposure has come down.",
    ),
    Code.STRATEGY_EXPOSURE_ABOVE_MAX: Wording(
        "With this order the strategy's exposures together would come to {observed} USD, and "
        "{limit} USD is the most.",
        "A smaller order, or the same one once the strategy's exposure has come down.",
    ),
    Code.OPEN_ORDERS_ABOVE_MAX: Wording(
        "With this order {observed} orders would be open, and {limit} are the most.",
        "The same order once others are filled, refused or given up.",
    ),
    Code.NET_EXPOSURE_ABOVE_MAX: Wording(
        "With this order {scope} would come to {observed} USD, and {limit} USD is the most.",
        "A smaller order, one in the other direction, or the same one once exposure has come down.",
    ),
    Code.GROUP_EXPOSURE_ABOVE_MAX: Wording(
        "With this order {scope} would come to {observed} USD, and {limit} USD is the most.",
        "A smaller order, one of a symbol outside the group, or the same one once exposure has "
        "come down.",
    ),
    Code.PORTFOLIO_LEVERAGE_ABOVE_MAX: Wording(
        "With this order all exposures together would come to {observed} USD, and the fund's "
        "equity allows {limit} USD.",
        "A smaller order, or the same one once exposure has come down or equity has grown.",
    ),
    Code.LEDGER_UNAVAILABLE: Wording(
        "The ledger of what is shared gave no answer, so nobody knows what is left of the limits.",
        "A new intent once Redis answers.",
    ),
    Code.DEADLINE_EXCEEDED: Wording(
        "The caller was told to try again before anything was sent.",
        "The same intent, sent again.",
    ),
    Code.CHECK_FAILED: Wording(
        "The gate itself failed on this intent ({scope}: {observed}), and what cannot be checked "
        "is denied.",
        "Nothing that a bot can change: it is a fault of the gate, and its log says more.",
    ),
}
"""The wording of every reason code."""
