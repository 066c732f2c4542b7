-- Asks for a batch of decisions, in order. ARGV[2] is the batch as MessagePack, each request as the
-- Python value `ReserveRequest`. Answers one flat list, by request as `say_answer` puts it.

-- Rates -----------------------------------------------------------------------------------------
-- One list of event times per counter, newest first, shared by all its windows. Each list is
-- searched once a script and window; what this very script adds is inside every window anyway.

local lists = {}

local function list_of(counter)
  local list = lists[counter]
  if not list then
    local key = PREFIX .. 'rate:' .. counter
    list = { key = key, length = call('LLEN', key), newer = {}, added = 0 }
    list.keep_ms = RATE_HISTORY_MS
    lists[counter] = list
  end
  return list
end

local function is_newer(list, index, window_ms)
  return tonumber(call('LINDEX', list.key, index)) > NOW - window_ms
end

-- Binary search: every event before `low` is newer than the window's start, none from `high` on is.
-- The ends come first, since LINDEX walks to the middle of a long list.
local function count_newer(list, window_ms)
  local low, high = 0, list.length
  if high == 0 or not is_newer(list, 0, window_ms) then return 0 end
  if is_newer(list, -1, window_ms) then return high end
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_newer(list, middle, window_ms) then low = middle + 1 else high = middle end
  end
  return low
end

local function events_in_window(list, window_ms)
  if not list.newer[window_ms] then list.newer[window_ms] = count_newer(list, window_ms) end
  return list.newer[window_ms] + list.added
end

local function count_event(rates)
  local counted = {}
  for _, rate in ipairs(rates) do
    local list = list_of(rate.counter)
    list.keep_ms = math.max(list.keep_ms, rate.window_ms)
    if not counted[rate.counter] then
      counted[rate.counter] = true
      list.added = list.added + 1
    end
  end
end

-- Events per rate before this request, at most its ceiling, and whether any has reached it.
local function test_rates(rates)
  local seen, over = {}, false
  for i, rate in ipairs(rates) do
    seen[i] = math.min(events_in_window(list_of(rate.counter), rate.window_ms), rate.ceiling)
    over = over or seen[i] >= rate.ceiling
  end
  if not over then count_event(rates) end
  return seen, over
end

-- In parts, since a Lua call takes only so many arguments.
local function push(key, value, times)
  local values = {}
  for i = 1, math.min(times, 1000) do values[i] = value end
  for done = 0, times - 1, 1000 do
    call('LPUSH', key, unpack(values, 1, math.min(times - done, 1000)))
  end
end

-- A clock that was set back must not put older times before newer ones: the search needs the order.
local function write_events()
  for _, list in pairs(lists) do
    if list.added > 0 then
      local keep = count_newer(list, list.keep_ms) + list.added
      local newest = tonumber(call('LINDEX', list.key, 0) or 0)
      push(list.key, integer(math.max(NOW, newest)), list.added)
      call('LTRIM', list.key, 0, keep - 1)
      call('PEXPIRE', list.key, integer(list.keep_ms))
    end
  end
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
  local used, after, fits = {}, {}, true
  for i, claim in ipairs(claims) do
    used[i] = after[claim.counter] or in_use(claim.counter)
    local total = used[i] + claim.amount
    fits = fits and total <= (claim.ceiling or MAX_UNITS)
    after[claim.counter] = math.min(total, MAX_UNITS)
  end
  return used, fits
end

-- Should a decision have expired while it was open, what it held then is not held twice.
local function take(request)
  release(request.decision_id)
  local parts = {}
  for _, claim in ipairs(request.claims) do
    add_units(claim.counter, claim.amount)
    parts[#parts + 1] = claim.counter
    parts[#parts + 1] = claim.amount
  end
  if #parts > 0 then store_reservation(request.decision_id, parts) end
  if not name_of(request.token) then
    call('HSET', NAMES, request.token, request.strategy)
    names[request.token] = request.strategy
  end
end

-- Identity --------------------------------------------------------------------------------------

local THIS_BUCKET = bucket_key('identities', NOW, BUCKET_MS)
local LAST_BUCKET = bucket_key('identities', NOW - BUCKET_MS, BUCKET_MS)

-- The other decision that holds this identity, its verdict, and whether it wanted the same.
local function first_with(request)
  if not request.identity then return false, '', false end
  local stored = get_field(THIS_BUCKET, request.identity)
    or get_field(LAST_BUCKET, request.identity)
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

-- The batch -------------------------------------------------------------------------------------

local function decide(request, key)
  local first, first_verdict, same_content = first_with(request)
  local holder = name_holder(request)
  local seen, over = test_rates(request.rates)
  local used, fits = test_claims(request.claims)
  local held = request.hold and not first and not holder and not over and fits
  if held then take(request) end
  if request.identity and not first then register_identity(request) end
  local readings = { held, NOW, first, first_verdict, same_content, holder, used, seen }
  if request.from_door then
    call('HSET', OPEN_DOORS, request.decision_id, integer(request.taken_at_ms))
  end
  store_decision({
    key = key, id = request.decision_id, state = 'reserved', detail = '', since_ms = NOW,
    verdict = '', identity = request.identity, from_door = request.from_door,
    readings = readings, resumable = request.resumable,
  })
  return { state = 'new', detail = '', since_ms = 0, readings = readings }
end

-- One flat list of simple values: for each list inside a list Redis writes to the network anew.
local answers = {}
local function say(value) answers[#answers + 1] = value end

local function say_counted(list)
  say(#list)
  for _, value in ipairs(list) do say(value) end
end

-- Out of `reserved` the readings are gone; the time is still useful, to tell the decision's age.
local GONE = { false, NOW, false, '', false, false, {}, {} }

local function say_answer(decision)
  local readings = decision.readings or GONE
  say(decision.state)
  say(decision.detail)
  say(decision.since_ms)
  say(decision.resumable or false)
  for i = 1, 6 do say(readings[i]) end
  say_counted(readings[7])
  say_counted(readings[8])
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
end

local batch = cmsgpack.unpack(ARGV[2])
fetch(batch)
for _, request in ipairs(batch) do
  local known, key = load_decision(request.decision_id, request.taken_at_ms)
  say_answer(known or decide(request, key))
end
write_events()
write_ledger()
return answers
