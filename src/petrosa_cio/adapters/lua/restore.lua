-- Gives a lost ledger back what the journal remembers. ARGV[2] is a batch as MessagePack, each one as the
-- Python value `Remembered`. Writing the same again changes nothing. Answers true.

local NAMES = PREFIX .. 'names'
local THIS_BUCKET = bucket_key('identities', NOW, BUCKET_MS)

for _, one in ipairs(cmsgpack.unpack(ARGV[2])) do
  if one.is_recent then
    store_decision({
      key = bucket_key('decisions', one.taken_at_ms, BUCKET_MS), id = one.decision_id,
      state = one.state, detail = one.detail, since_ms = 0, verdict = one.verdict,
    })
    if one.identity then
      set_field(THIS_BUCKET, one.identity,
        cmsgpack.pack(one.decision_id, one.taken_at_ms, one.digest))
      expire_when_written(THIS_BUCKET, BUCKETS_KEPT * BUCKET_MS)
    end
  end
  if one.verdict ~= 'deny' then call('HSETNX', NAMES, one.token, one.strategy) end
  if one.override_id then
    local used = PREFIX .. 'override_used:' .. one.override_id
    call('SET', used, one.decision_id, 'PX', integer(OVERRIDE_USED_KEPT_MS))
    call('HDEL', PREFIX .. 'overrides', one.override_id)
  end
  local parts = {}
  for _, holding in ipairs(one.holdings) do
    parts[#parts + 1] = holding[1]
    parts[#parts + 1] = holding[2]
  end
  if #parts > 0 then
    store_reservation(one.decision_id, parts)
  else
    set_field(RESERVATIONS, one.decision_id, false)
  end
end
write_ledger()
return true
