-- Closes begun decisions and releases what the undelivered ones hold; of the synchronous door's,
-- also withdrawn ones, whose end is recorded by now. ARGV[2] is the batch as MessagePack, each move as the
-- Python value `Move`, ARGV[3] the list of the undelivered decisions.

local undelivered = {}
for _, id in ipairs(cmsgpack.unpack(ARGV[3])) do undelivered[id] = true end

local batch = cmsgpack.unpack(ARGV[2])
fetch_decisions(batch)
for _, move in ipairs(batch) do
  local decision = load_decision(move.decision_id, move.taken_at_ms)
  if not decision or decision.from_door and decision.state ~= 'reserved' then
    call('HDEL', ENDING_DOORS, move.decision_id)
  end
  if not decision then call('HDEL', OPEN_DOORS, move.decision_id) end
  if decision and decision.state == 'begun' then
    if undelivered[move.decision_id] then release(move.decision_id) end
    move_decision(decision, 'done', decision.verdict)
  end
end
write_ledger()
return true
