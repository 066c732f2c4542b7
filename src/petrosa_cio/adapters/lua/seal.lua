-- Ends the rebuilding of a lost ledger: exposure is counted anew from what is reserved, what governed
-- is put back where nobody has stated it since, and the ledger is marked. ARGV[2] is the new
-- generation, ARGV[3] the Python value `Governed` as JSON. The fund's own trading state is not put
-- back: absent, it counts as halted, until a person resumes. Answers true.

local POLICY = PREFIX .. 'policy'
local governed = cjson.decode(ARGV[3])

call('DEL', EXPOSURE)
local reserved = call('HGETALL', RESERVATIONS)
for i = 2, #reserved, 2 do
  local parts = cmsgpack.unpack(reserved[i])
  for j = 1, #parts, 2 do add_units(parts[j], parts[j + 1]) end
end
write_exposure()

if governed.policy ~= cjson.null and call('EXISTS', POLICY) == 0 then
  call('HSET', POLICY, 'document', governed.policy, 'revision', integer(governed.revision),
    'tightened_revision', integer(governed.tightened_revision), 'signed', governed.signed)
end
for scope, state in pairs(governed.trading_states) do
  if call('HSETNX', PREFIX .. 'state', scope, state) == 1 then
    call('HINCRBY', PREFIX .. 'state', 'epoch', 1)
  end
end
for symbol, regime in pairs(governed.regimes) do
  call('HSETNX', PREFIX .. 'regimes', symbol, regime)
end
for symbol, override in pairs(governed.regime_overrides) do
  call('HSETNX', PREFIX .. 'regime_overrides', symbol, override)
end
call('SET', KEYS[1], ARGV[2])
return true
