-- Marks the ledger as one that may be trusted, unless it is. ARGV[2] is a new generation; ARGV[3]
-- is 1 where the caller knows that there was nothing before, so that trading may start. Answers
-- the generation in force.

local generation, fresh = ARGV[2], ARGV[3] == '1'
if not call('SET', KEYS[1], generation, 'NX') then return call('GET', KEYS[1]) end
-- A halt that came before the ledger was marked stays.
if fresh and call('HSETNX', PREFIX .. 'state', 'fund', 'active') == 1 then
  call('HINCRBY', PREFIX .. 'state', 'epoch', 1)
end
return generation
