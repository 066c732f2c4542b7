-- Lowest and highest price of the openings that were held, by symbol and five minutes, as text that
-- sorts as the numbers do. What is withdrawn later stays: the prices of others are then only held
-- closer together.

local PRICES = PREFIX .. 'prices'
local THIS_PART = math.floor(NOW / PRICE_PART_MS)
local OLDEST_PART = math.floor((NOW - HOUR_MS) / PRICE_PART_MS)
local parts_by_symbol, repriced = {}, {}

local function price_parts(symbol)
  if not parts_by_symbol[symbol] then
    local stored, parts = get_field(PRICES, symbol), {}
    for _, part in ipairs(stored and cmsgpack.unpack(stored) or {}) do
      if part[1] >= OLDEST_PART then parts[#parts + 1] = part end
    end
    parts_by_symbol[symbol] = parts
  end
  return parts_by_symbol[symbol]
end

local function price_range(symbol)
  local lowest, highest
  for _, part in ipairs(price_parts(symbol)) do
    if not lowest or part[2] < lowest then lowest = part[2] end
    if not highest or part[3] > highest then highest = part[3] end
  end
  return lowest, highest
end

local function add_price(symbol, price)
  local parts = price_parts(symbol)
  repriced[symbol] = true
  for _, part in ipairs(parts) do
    if part[1] == THIS_PART then
      if price < part[2] then part[2] = price end
      if price > part[3] then part[3] = price end
      return
    end
  end
  parts[#parts + 1] = { THIS_PART, price, price }
end

local function write_prices()
  for symbol in pairs(repriced) do
    set_field(PRICES, symbol, cmsgpack.pack(parts_by_symbol[symbol]))
    expire_from_now(PRICES, 2 * HOUR_MS)
  end
end
