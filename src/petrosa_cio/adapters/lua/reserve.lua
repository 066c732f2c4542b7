-- Asks for a batch of decisions, in order. ARGV[2] is the batch, as requests.lua reads it. Answers a
-- list as MessagePack, by request as `answer_of` puts it.

-- Rates -----------------------------------------------------------------------------------------

local RESUMED = PREFIX .. 'resumed'

-- From when on events count; the same for all of a script.
local function start_of(rate, token)
  if rate.start then return rate.start end
  rate.start = NOW - rate.window_ms
  local resumed = rate.pauses and tonumber(get_field(RESUMED, token) or 0) or 0
  -- What happens in the very millisecond of a resumption comes after it. One that lies ahead is of
  -- a clock that was set back since: it would let nothing count until then.
  if resumed <= NOW then rate.start = math.max(rate.start, resumed - 1) end
  return rate.start
end

-- Counts one event for each of these counters; returns what was counted: counter, time, ...
local function count_events(counted)
  local marks = {}
  for i = 1, #counted, 2 do
    marks[i], marks[i + 1] = counted[i], add_event(counted[i], counted[i + 1])
  end
  return marks
end

-- Events in a rate's window. Its list is looked up once a script, and anew where it was changed.
local function events_of(rate, token)
  local list = rate.list
  if not list or list.is_over then
    list = list_of(rate.counter)
    rate.list, rate.stored = list, stored_after(list, start_of(rate, token))
  end
  if list.added == 0 or list.at <= rate.start then return rate.stored end
  return rate.stored + list.added
end

-- Events per rate before this request, at most its ceiling, and which kinds have reached theirs.
local function test_rates(request)
  local seen, full, token = {}, {}, request.token
  for i, rate in ipairs(request.tests.rates) do
    local events = events_of(rate, token)
    if events >= rate.ceiling then
      events, full[rate.kind] = rate.ceiling, true
    end
    seen[i] = events
  end
  if not full.intents then count_events(request.tests.of_intent) end
  return seen, full
end

-- Names -----------------------------------------------------------------------------------------

local NAMES = PREFIX .. 'names'
local names = {}

local function name_of(token)
  if names[token] == nil then names[token] = call('HGET', NAMES, token) end
  return names[token]
end

-- The name other than the request's own that holds its token, or false.
local function name_holder(request)
  local name = name_of(request.token)
  return name and name ~= request.strategy and name
end

-- Claims ----------------------------------------------------------------------------------------

-- Units in use per claim, before it, and whether all fit. A claim counts the ones before it in the
-- same request, so that two on one counter cannot pass its ceiling together.
local function test_claims(claims)
  local used, after, fits, number = {}, {}, true, 0
  for i = 1, #claims, 3 do
    local counter, amount, ceiling = claims[i], claims[i + 1], claims[i + 2]
    local before = after[counter] or in_use(counter)
    local total = before + amount
    fits = fits and total <= (ceiling or MAX_UNITS)
    after[counter] = total < MAX_UNITS and total or MAX_UNITS
    number = number + 1
    used[number] = before
  end
  return used, fits
end

-- The same for claims on sums, which take nothing: they only have to fit.
local function test_sums(sums, used, fits)
  for i = 1, #sums, 3 do
    local before = sum_of(sums[i])
    fits = fits and before + sums[i + 1] <= sums[i + 2]
    used[#used + 1] = before
  end
  return fits
end

-- Whether an opening is not through the fence yet.
local function is_open(opening)
  local decision = opening.taken_at_ms and load_decision(opening.id, opening.taken_at_ms)
  return decision and decision.state == 'reserved'
end

-- Should a decision have expired while it was open, what it held then is not held twice.
local function take(request)
  release(request.decision_id)
  local parts, claims, number = {}, request.claims, 0
  for i = 1, #claims, 3 do
    add_units(claims[i], claims[i + 1])
    parts[number + 1], parts[number + 2] = claims[i], claims[i + 1]
    number = number + 2
  end
  local marks, symbol = count_events(request.tests.of_held), nil
  if request.opposite then
    symbol = request.opposite.symbol
    add_opening(request.opposite, request.decision_id, request.taken_at_ms, is_open)
  end
  if request.drift then add_price(request.drift.symbol, request.drift.price) end
  if #parts + #marks > 0 or symbol then
    store_reservation(request.decision_id, parts, marks, symbol)
  end
  if not name_of(request.token) then
    call('HSET', NAMES, request.token, request.strategy)
    names[request.token] = request.strategy
  end
end

-- Identity --------------------------------------------------------------------------------------

local THIS_BUCKET = bucket_key('identities', NOW, BUCKET_MS)
local LAST_BUCKET = bucket_key('identities', NOW - BUCKET_MS, BUCKET_MS)
local NEXT_BUCKET = bucket_key('identities', NOW + BUCKET_MS, BUCKET_MS) -- of a clock that was set back

-- The other decision that holds this identity, its verdict, and whether it wanted the same.
local function first_with(request)
  if not request.identity then return false, '', false end
  local stored = get_field(THIS_BUCKET, request.identity)
    or get_field(LAST_BUCKET, request.identity)
    or get_field(NEXT_BUCKET, request.identity)
  if not stored then return false, '', false end
  local id, taken_at_ms, digest = cmsgpack.unpack(stored)
  if id == request.decision_id then return false, '', false end
  local first = load_decision(id, taken_at_ms)
  return id, first and first.verdict or '', digest == request.digest
end

local function register_identity(request)
  set_field(THIS_BUCKET, request.identity,
    cmsgpack.pack(request.decision_id, request.taken_at_ms, request.digest))
  expire_when_written(THIS_BUCKET, BUCKETS_KEPT * BUCKET_MS)
end

-- Conflicts -------------------------------------------------------------------------------------

-- Whether a request loses to what stands against it.
local function loses(claim, opponent, is_shut)
  if not opponent then return false end
  return is_shut or claim.rule ~= 'strongest_wins' or claim.confidence <= opponent.confidence
end

-- Takes back what was granted to the openings the other way that are not through the fence yet. They
-- stay `reserved`, so that their verdicts are still recorded; the fence then withdraws them.
local function overrule_opposites(claim)
  for _, one in ipairs(opposites_of(claim)) do
    local decision = load_decision(one.id, one.taken_at_ms)
    if decision and decision.state == 'reserved' then
      release(decision.id)
      decision.detail = 'SIGNAL_CONFLICT'
      store_decision(decision)
    end
  end
end

-- Prices ----------------------------------------------------------------------------------------

-- Lowest and highest price of the last hour, and whether this one is too far from either.
local function test_price(claim)
  if not claim then return false, false, false end
  local lowest, highest = price_range(claim.symbol)
  if not lowest then return false, false, false end
  return lowest, highest, lowest < claim.lowest or highest > claim.highest
end

-- Overrides -------------------------------------------------------------------------------------

local function override_key(id) return PREFIX .. 'override_used:' .. id end

-- The other decision that used an override, or false.
local function override_user(request)
  local user = request.override_id and call('GET', override_key(request.override_id))
  return user and user ~= request.decision_id and user
end

-- Whatever becomes of the order, its override is used up.
local function use_override(request)
  local kept_ms = integer(OVERRIDE_USED_KEPT_MS)
  call('SET', override_key(request.override_id), request.decision_id, 'PX', kept_ms)
  call('HDEL', PREFIX .. 'overrides', request.override_id)
end

-- Pauses ----------------------------------------------------------------------------------------

local STATE = PREFIX .. 'state'

-- A strategy that was halted or may only reduce stays so. Returns whether it was paused just now.
local function pause(request)
  local scope = 'strategy:' .. request.token
  if call('HSETNX', STATE, scope, 'paused') == 0 then return false end
  local reason = 'REPEATED_EXECUTION in decision ' .. request.decision_id
  call('HSET', PREFIX .. 'state_reasons', scope,
    cjson.encode({ state = 'paused', reason = reason, author = 'gate', at_ms = NOW }))
  call('HINCRBY', STATE, 'epoch', 1)
  return true
end

-- The batch -------------------------------------------------------------------------------------

local function decide(request, key)
  local first, first_verdict, same_content = first_with(request)
  local holder = name_holder(request)
  local seen, full = test_rates(request)
  local used, fits = test_claims(request.claims)
  if request.sums then fits = test_sums(request.sums, used, fits) end
  local lowest, highest, drifts = test_price(request.drift)
  local opponent, is_shut = nil, false
  if request.opposite then opponent, is_shut = opponent_of(request.opposite) end
  local used_by = override_user(request)
  local would_be_held = request.hold and not first and not holder and not used_by and not full.intents
    and not full.content and fits and not drifts
  local in_conflict = request.opposite and loses(request.opposite, opponent, is_shut)
  local held = would_be_held and not in_conflict and not full.executions
  local paused = would_be_held and not in_conflict and full.executions and pause(request)
  local opposes = opponent and not is_shut and would_be_held and not full.executions
  if opposes and (held or request.opposite.rule == 'both_denied') then
    overrule_opposites(request.opposite)
  end
  if opposes and request.opposite.rule == 'both_denied' then
    shut(request.opposite, request.decision_id)
  end
  if held then take(request) end
  if held and request.override_id then use_override(request) end
  if request.identity and not first then register_identity(request) end
  local readings = {
    held or false, NOW, first, first_verdict, same_content, holder, used, seen,
    opponent and { opponent.id, opponent.confidence, is_shut } or false, lowest, highest,
    paused or false, used_by or false,
  }
  if request.from_door then
    call('HSET', OPEN_DOORS, request.decision_id, integer(request.taken_at_ms))
  end
  store_decision({
    key = key, id = request.decision_id, state = 'reserved', detail = '', since_ms = NOW,
    verdict = '', identity = request.identity, from_door = request.from_door,
    readings = readings, resumable = request.resumable,
  })
  return { 'new', '', 0, false, readings }
end

-- Out of `reserved` the readings are gone; the time is still useful, to tell the decision's age.
local GONE = { false, NOW, false, '', false, false, {}, {}, false, false, false, false, false }

-- An older version of the program leaves readings that end after the eighth.
local function answer_of(known)
  return {
    known.state, known.detail, known.since_ms, known.resumable or false, known.readings or GONE,
  }
end

local function fetch(batch)
  local ids, identities = {}, {}
  for i, request in ipairs(batch) do
    ids[i] = request.decision_id
    identities[#identities + 1] = request.identity
  end
  fetch_decisions(batch)
  fetch_fields(RESERVATIONS, ids)
  fetch_fields(THIS_BUCKET, identities)
  fetch_fields(LAST_BUCKET, identities)
  fetch_fields(NEXT_BUCKET, identities)
end

local answers, batch = {}, requests_of(ARGV[2])
fetch(batch)
for i, request in ipairs(batch) do
  local known, key = load_decision(request.decision_id, request.taken_at_ms)
  answers[i] = known and answer_of(known) or decide(request, key)
end
write_prices()
write_ledger()
return cmsgpack.pack(answers)
