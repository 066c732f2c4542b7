-- Applies execution outcomes, each event once. ARGV[2] is the batch as MessagePack, each settlement as the
-- Python value `Settlement`. Answers for each whether it was applied.

local THIS_BUCKET = bucket_key('settled', NOW, SETTLED_BUCKET_MS)
local LAST_BUCKET = bucket_key('settled', NOW - SETTLED_BUCKET_MS, SETTLED_BUCKET_MS)
-- Of a clock that was set back.
local NEXT_BUCKET = bucket_key('settled', NOW + SETTLED_BUCKET_MS, SETTLED_BUCKET_MS)

local function is_first(event)
  if call('SISMEMBER', LAST_BUCKET, event) == 1 then return false end
  if call('SISMEMBER', NEXT_BUCKET, event) == 1 then return false end
  local added = call('SADD', THIS_BUCKET, event) == 1
  expire_when_written(THIS_BUCKET, BUCKETS_KEPT * SETTLED_BUCKET_MS)
  return added
end

-- Each returns whether there was anything to apply it to.
local apply = {}

function apply.release(settlement) return release(settlement.decision_id) end

function apply.book(settlement)
  local parts = load_reservation(settlement.decision_id)
  if not parts then return false end
  for i = 1, #parts, 2 do
    local units = parts[i] == OPEN_ORDERS and 0 or settlement.units -- what is filled is not open
    add_units(parts[i], units - parts[i + 1])
    parts[i + 1] = units
  end
  -- What was filled has happened: it is neither undone nor forgotten when the position is closed.
  store_reservation(settlement.decision_id, parts)
  return true
end

function apply.reduce(settlement)
  for _, counter in ipairs(settlement.counters) do add_units(counter, -settlement.units) end
  return true
end

local answers = {}
for i, settlement in ipairs(cmsgpack.unpack(ARGV[2])) do
  answers[i] = is_first(settlement.event_key) and apply[settlement.kind](settlement)
end
write_ledger()
return answers
