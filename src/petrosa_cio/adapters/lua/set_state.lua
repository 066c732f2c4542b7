-- Sets one trading state. ARGV from 2: scope, state, reason, author, and 1 to set it only where it is
-- stricter than what is there, else empty. Answers the epoch, which grows only when something changed. Works without a generation marker: a halt must always be possible.
-- Who resumes a strategy lets it begin anew: what it did before is not counted as repeated any more.

local STATE = PREFIX .. 'state'
local scope, state, reason, author = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local token = scope:match('^strategy:(.*)')
if token and state == 'active' then call('HSET', PREFIX .. 'resumed', token, integer(NOW)) end

-- Only the fund's state must be stated to be active.
local unstated = scope ~= 'fund' and 'active'

-- A fund of which nothing is stated counts as halted, and so does a word that nobody knows.
local STRICTNESS = { active = 0, paused = 1, reducing = 1, halted = 2 }
if ARGV[6] == '1' then
  local known = call('HGET', STATE, scope) or unstated or 'halted'
  if (STRICTNESS[known] or 2) >= STRICTNESS[state] then
    return tonumber(call('HGET', STATE, 'epoch') or 0)
  end
end
if (call('HGET', STATE, scope) or unstated) == state then
  return tonumber(call('HGET', STATE, 'epoch') or 0)
end
local because = cjson.encode({ state = state, reason = reason, author = author, at_ms = NOW })
call('HSET', PREFIX .. 'state_reasons', scope, because)
if state == unstated then
  call('HDEL', STATE, scope)
else
  call('HSET', STATE, scope, state)
end
return call('HINCRBY', STATE, 'epoch', 1)
