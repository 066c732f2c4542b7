-- Openings that were held lately, by symbol, oldest first, and whether a symbol is shut because two
-- opposed each other. Each symbol is read once and written once a script.

local OPENINGS = PREFIX .. 'openings'
local recent = {}
local touched = {}

local function openings_of(symbol)
  if not recent[symbol] then
    local stored = get_field(OPENINGS, symbol)
    recent[symbol] = stored and cmsgpack.unpack(stored) or { list = {} }
  end
  return recent[symbol]
end

-- What stands against an opening: the decision that shut the symbol, or else the strongest opening
-- the other way; nil where nothing does.
local function opponent_of(claim)
  local found, start = openings_of(claim.symbol), NOW - claim.window_ms
  if found.shut and found.shut.at > start then return found.shut, true end
  local strongest
  for _, one in ipairs(found.list) do
    local opposes = one.at > start and one.direction ~= claim.direction
    if opposes and (not strongest or one.confidence > strongest.confidence) then strongest = one end
  end
  return strongest, false
end

-- The openings the other way that may still be withdrawn.
local function opposites_of(claim)
  local opposites, start = {}, NOW - claim.window_ms
  for _, one in ipairs(openings_of(claim.symbol).list) do
    local opposes = one.at > start and one.direction ~= claim.direction
    if opposes and one.taken_at_ms then opposites[#opposites + 1] = one end
  end
  return opposites
end

local function places_of(list, direction)
  local places = {}
  for i, one in ipairs(list) do
    if one.direction == direction then places[#places + 1] = i end
  end
  return places
end

-- Of too many on one side the two oldest become one, as strong as the stronger and as late as the
-- later, which nothing takes out again: that can only deny more. One that may still be withdrawn
-- stays by itself, so that a stronger opposite finds it.
local function merge_oldest(list, direction, is_open)
  local side = places_of(list, direction)
  while #side > OPENINGS_KEPT do
    local first, second = list[side[1]], list[side[2]]
    if is_open(first) or is_open(second) then return end
    local stronger = first.confidence > second.confidence and first or second
    list[side[2]] = {
      id = stronger.id, direction = direction, confidence = stronger.confidence,
      at = math.max(first.at, second.at), -- not the second where a clock was set back
    }
    table.remove(list, side[1])
    side = places_of(list, direction)
  end
end

-- The oldest are dropped as long as they are older than the window.
local function add_opening(claim, id, taken_at_ms, is_open)
  local list, start = openings_of(claim.symbol).list, NOW - claim.window_ms
  while list[1] and list[1].at <= start do table.remove(list, 1) end
  list[#list + 1] = {
    id = id, taken_at_ms = taken_at_ms, direction = claim.direction,
    confidence = claim.confidence, at = NOW,
  }
  if #list > OPENINGS_KEPT then merge_oldest(list, claim.direction, is_open) end
  touched[claim.symbol] = true
end

local function remove_opening(symbol, id)
  local list = {}
  for _, one in ipairs(openings_of(symbol).list) do
    if one.id ~= id or not one.taken_at_ms then list[#list + 1] = one end
  end
  recent[symbol].list = list
  touched[symbol] = true
end

local function shut(claim, id)
  openings_of(claim.symbol).shut = { id = id, confidence = claim.confidence, at = NOW }
  touched[claim.symbol] = true
end

local function write_openings()
  for symbol in pairs(touched) do
    local found = recent[symbol]
    local is_empty = #found.list == 0 and not found.shut
    set_field(OPENINGS, symbol, not is_empty and cmsgpack.pack(found))
    expire_from_now(OPENINGS, DAY_MS)
  end
end
