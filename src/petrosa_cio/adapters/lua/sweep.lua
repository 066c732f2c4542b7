-- Withdraws decisions of the synchronous door that were left open by a process that is gone, and
-- lets their ids be sent again: the caller was told, or must assume, that a retry is safe. Answers
-- their ids.

local swept = {}
local open = call('HGETALL', OPEN_DOORS)
for i = 1, #open, 2 do
  local id = open[i]
  local decision = load_decision(id, tonumber(open[i + 1]))
  if not decision then
    release(id)
    call('HDEL', OPEN_DOORS, id)
  elseif NOW - decision.since_ms > DOOR_ABANDONED_MS then
    forget_identity(decision)
    withdraw(decision, 'DEADLINE_EXCEEDED')
    swept[#swept + 1] = id
  end
end
write_exposure()
return swept
