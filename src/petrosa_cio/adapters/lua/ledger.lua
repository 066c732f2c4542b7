-- What the scripts of the ledger share: decisions, exposure, reservations.

local EXPOSURE = PREFIX .. 'exposure'
local RESERVATIONS = PREFIX .. 'reservations'

local function bucket_key(kind, at_ms, bucket_ms)
  return PREFIX .. kind .. ':' .. integer(math.floor(at_ms / bucket_ms))
end

-- Decisions -------------------------------------------------------------------------------------

local function store_decision(decision)
  set_field(decision.key, decision.id, cmsgpack.pack(
    decision.state, decision.detail, decision.since_ms, decision.verdict,
    decision.identity, decision.from_door, decision.readings, decision.resumable))
  expire_when_written(decision.key, BUCKETS_KEPT * BUCKET_MS)
end

local function fetch_decisions(batch)
  local ids = {}
  for _, one in ipairs(batch) do
    local key = bucket_key('decisions', one.taken_at_ms, BUCKET_MS)
    ids[key] = ids[key] or {}
    table.insert(ids[key], one.decision_id)
  end
  for key, names in pairs(ids) do fetch_fields(key, names) end
end

local function load_decision(id, taken_at_ms)
  local key = bucket_key('decisions', taken_at_ms, BUCKET_MS)
  local stored = get_field(key, id)
  if not stored then return nil, key end
  local decision = { key = key, id = id }
  decision.state, decision.detail, decision.since_ms, decision.verdict,
    decision.identity, decision.from_door, decision.readings, decision.resumable =
    cmsgpack.unpack(stored)
  return decision, key
end

-- Decisions of the synchronous door, which no redelivery ever ends: the open ones, and those that
-- were begun or withdrawn until `finish` says that their end is recorded.
local OPEN_DOORS = PREFIX .. 'open_doors'
local ENDING_DOORS = PREFIX .. 'ending_doors'

local function move_door(decision, is_ending)
  local taken_at_ms = call('HGET', OPEN_DOORS, decision.id)
  call('HDEL', OPEN_DOORS, decision.id)
  if is_ending and taken_at_ms then call('HSET', ENDING_DOORS, decision.id, taken_at_ms) end
end

-- Out of `reserved` nobody resumes a decision or takes it back: only the answer is kept.
local function move_decision(decision, state, detail)
  local is_ending = decision.from_door and state ~= 'done'
  if decision.from_door then move_door(decision, is_ending) end
  store_decision({
    key = decision.key, id = decision.id, state = state, detail = detail, since_ms = NOW,
    verdict = decision.verdict, from_door = is_ending,
  })
  decision.state, decision.detail = state, detail
end

-- For a decision in `reserved`: `since_ms` is still when it was made and its identity registered.
local function forget_identity(decision)
  if not decision.identity then return end
  local key = bucket_key('identities', decision.since_ms, BUCKET_MS)
  local stored = get_field(key, decision.identity)
  if stored and cmsgpack.unpack(stored) == decision.id then
    set_field(key, decision.identity, false)
  end
end

-- Exposure --------------------------------------------------------------------------------------
-- Read once, counted in Lua, written once at the end: a batch shares most of its counters.

local units_in_use = {}
local changed = {}

local function in_use(counter)
  if not units_in_use[counter] then
    units_in_use[counter] = tonumber(call('HGET', EXPOSURE, counter) or 0)
  end
  return units_in_use[counter]
end

-- Members of a sum are counters, or stand for those of all positions on a side.
local ON_SIDE = { ['position:*:long'] = '^position:.*:long$', ['position:*:short'] = '^position:.*:short$' }
local knows_all = false

local function learn_all()
  if knows_all then return end
  local all = call('HGETALL', EXPOSURE)
  for i = 1, #all, 2 do
    if not units_in_use[all[i]] then units_in_use[all[i]] = tonumber(all[i + 1]) end
  end
  knows_all = true
end

local function sum_of(members)
  local sum = 0
  for _, member in ipairs(members) do
    if ON_SIDE[member] then
      learn_all()
      for counter, units in pairs(units_in_use) do
        if string.find(counter, ON_SIDE[member]) then sum = sum + units end
      end
    else
      sum = sum + in_use(member)
    end
  end
  return math.min(sum, MAX_UNITS)
end

-- Below zero it would hide exposure taken later; above MAX_UNITS a Lua number is no longer exact.
local function add_units(counter, units)
  units_in_use[counter] = math.max(0, math.min(in_use(counter) + units, MAX_UNITS))
  changed[counter] = true
end

local function write_exposure()
  for counter in pairs(changed) do
    if units_in_use[counter] > 0 then
      call('HSET', EXPOSURE, counter, integer(units_in_use[counter]))
    else
      call('HDEL', EXPOSURE, counter)
    end
  end
end

-- Reservations are lists of counter, units, counter, units, ... Beside them stands, until there is a
-- fill, what else is given back: events as counter, time, ... and the symbol of an opening.

local function store_reservation(id, parts, marks, symbol)
  set_field(RESERVATIONS, id, cmsgpack.pack(parts, marks, symbol))
end

-- Returns parts, marks and symbol, or nothing.
local function load_reservation(id)
  local stored = get_field(RESERVATIONS, id)
  if stored then return cmsgpack.unpack(stored) end
end

-- Returns whether there was anything to release.
local function release(id)
  local parts, marks, symbol = load_reservation(id)
  if not parts then return false end
  for i = 1, #parts, 2 do add_units(parts[i], -parts[i + 1]) end
  for i = 1, #(marks or {}), 2 do remove_event(marks[i], marks[i + 1]) end
  if symbol then remove_opening(symbol, id) end
  set_field(RESERVATIONS, id, false)
  return true
end

local function withdraw(decision, code)
  release(decision.id)
  decision.verdict = 'deny'
  move_decision(decision, 'withdrawn', code)
end

local function write_ledger()
  write_exposure()
  write_events()
  write_openings()
  write_fields()
end
