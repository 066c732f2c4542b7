-- Stores what decisions hold, unless somebody did since it was loaded. ARGV from 2: the version it
-- was loaded at, then decision, lot, decision, lot, ...; an empty lot is removed. Answers 1 if done.

local HELD = PREFIX .. 'held'

if (call('HGET', HELD, 'version') or '0') ~= ARGV[2] then return 0 end
for i = 3, #ARGV, 2 do
  local lot = 'lot:' .. ARGV[i]
  if ARGV[i + 1] == '' then
    call('HDEL', HELD, lot)
  else
    call('HSET', HELD, lot, ARGV[i + 1])
  end
end
call('HINCRBY', HELD, 'version', 1)
return 1
