-- The fence: moves decisions out of `reserved`. ARGV[2] is the batch as MessagePack, each move as
-- the Python value `Move`, ARGV[3] the owner. Answers one flat list as MessagePack, by move: won,
-- state, detail.

local STATE = PREFIX .. 'state'
local POLICY = PREFIX .. 'policy'

-- A word that nobody knows halts, as no word does for the fund. Only a strategy can be paused.
local function is_halted(state) return state ~= 'active' and state ~= 'reducing' end

local states = {}
local function state_of(field, unstated)
  if not states[field] then states[field] = call('HGET', STATE, field) or unstated end
  return states[field]
end

local tightened_revision = tonumber(call('HGET', POLICY, 'tightened_revision') or nil)

-- What has changed against the move since it was decided, or nil.
local function objection(move)
  local fund = state_of('fund', 'halted')
  local strategy = state_of('strategy:' .. move.token, 'active')
  local symbol = state_of('symbol:' .. move.symbol, 'active')
  if not move.is_exit or move.halted_denies_exits then
    if is_halted(fund) then return 'FUND_HALTED' end
    if is_halted(strategy) and strategy ~= 'paused' then return 'STRATEGY_HALTED' end
    if is_halted(symbol) then return 'SYMBOL_HALTED' end
  end
  local reducing = fund == 'reducing' or strategy == 'reducing' or symbol == 'reducing'
  if reducing and not move.is_exit then return 'REDUCING_ONLY' end
  if strategy == 'paused' and not move.is_exit then return 'STRATEGY_PAUSED' end
  if not tightened_revision then return 'POLICY_MISSING' end
  if tightened_revision > move.policy_revision and not move.is_exit then return 'POLICY_STALE' end
  return nil
end

-- Each returns whether the caller won what it asked for.
local step = {}

function step.promote(decision, move, owner)
  local code = decision.detail ~= '' and decision.detail or objection(move)
  if code then
    withdraw(decision, code)
    return false
  end
  decision.verdict = move.verdict
  move_decision(decision, 'begun', owner)
  return true
end

function step.deny(decision, move)
  release(decision.id)
  decision.verdict = move.verdict
  move_decision(decision, 'done', move.verdict)
  return true
end

function step.withdraw(decision, move)
  if move.forget_identity then forget_identity(decision) end
  withdraw(decision, move.reason)
  return true
end

local answers = {}
local batch = cmsgpack.unpack(ARGV[2])
fetch_decisions(batch)
for i, move in ipairs(batch) do
  local decision = load_decision(move.decision_id, move.taken_at_ms)
  local won = false
  if decision and decision.state == 'reserved' then
    won = step[move.kind](decision, move, ARGV[3])
  end
  answers[3 * i - 2] = won
  answers[3 * i - 1] = decision and decision.state or 'new'
  answers[3 * i] = decision and decision.detail or ''
end
write_ledger()
return cmsgpack.pack(answers)
