-- Withdraws decisions of the synchronous door that were left open by a process that is gone, and
-- lets their ids be sent again: the caller was told, or must assume, that a retry is safe. Answers
-- one flat list of what ended with nobody left to record it: id, taken_at_ms, state, detail.

local ended = {}
local function say(id, taken_at_ms, decision)
  ended[#ended + 1] = id
  ended[#ended + 1] = tonumber(taken_at_ms)
  ended[#ended + 1] = decision.state
  ended[#ended + 1] = decision.detail
end

-- What a forgotten decision came to: one that was begun may have been sent, so that nothing is
-- released; one that was open never was.
local FORGOTTEN_BEGUN = { state = 'begun', detail = '' }
local FORGOTTEN_OPEN = { state = 'withdrawn', detail = 'DEADLINE_EXCEEDED' }

local is_over = {}
function is_over.begun(age_ms) return age_ms > DOOR_UNCONFIRMED_MS end
function is_over.withdrawn(age_ms) return age_ms > DOOR_ABANDONED_MS end

local ending = call('HGETALL', ENDING_DOORS)
for i = 1, #ending, 2 do
  local id, taken_at_ms = ending[i], ending[i + 1]
  local decision = load_decision(id, tonumber(taken_at_ms))
  if not decision or is_over[decision.state](NOW - decision.since_ms) then
    say(id, taken_at_ms, decision or FORGOTTEN_BEGUN)
  end
end

local open = call('HGETALL', OPEN_DOORS)
for i = 1, #open, 2 do
  local id, taken_at_ms = open[i], open[i + 1]
  local decision = load_decision(id, tonumber(taken_at_ms))
  if not decision then
    release(id)
    say(id, taken_at_ms, FORGOTTEN_OPEN)
  elseif NOW - decision.since_ms > DOOR_ABANDONED_MS then
    forget_identity(decision)
    withdraw(decision, 'DEADLINE_EXCEEDED')
    say(id, taken_at_ms, decision)
  end
end
write_ledger()
return ended
