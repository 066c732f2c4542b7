-- Stores entries, as what decisions hold, unless somebody did since they were loaded. ARGV from 2: the
-- name of the books, the version they were loaded at, then entry, content, entry, content, ...; one
-- that is empty is removed. Answers 1 if done.

local HELD = PREFIX .. ARGV[2]

if (call('HGET', HELD, 'version') or '0') ~= ARGV[3] then return 0 end
for i = 4, #ARGV, 2 do
  local lot = 'lot:' .. ARGV[i]
  if ARGV[i + 1] == '' then
    call('HDEL', HELD, lot)
  else
    call('HSET', HELD, lot, ARGV[i + 1])
  end
end
call('HINCRBY', HELD, 'version', 1)
return 1
