-- Reads a batch of requests: `_requested` of the Python side puts them in this order. A rate that many
-- of them count against is one table, and so are the rates of many that count against the same: what
-- is worked out of them once serves all.

local function kind_of(rate)
  if rate.pauses then return 'executions' end
  return rate.of_held and 'content' or 'intents'
end

local function rate_of(values)
  local rate = {
    counter = values[1], ceiling = values[2], window_ms = values[3], of_held = values[4],
    pauses = values[5],
  }
  rate.kind = kind_of(rate)
  return rate
end

-- For each counter of some rates how long its events may be asked for: counter, time, ...
local function counted_by(rates, of_held)
  local counted, places = {}, {}
  for _, rate in ipairs(rates) do
    if rate.of_held == of_held then
      local place = places[rate.counter]
      if not place then
        place = #counted + 1
        places[rate.counter], counted[place], counted[place + 1] = place, rate.counter, 0
      end
      counted[place + 1] = math.max(counted[place + 1], rate.window_ms)
    end
  end
  return counted
end

local function tests_of(rates)
  return {
    rates = rates, of_intent = counted_by(rates, false), of_held = counted_by(rates, true),
  }
end

local function price_of(values)
  return { symbol = values[1], price = values[2], lowest = values[3], highest = values[4] }
end

local function each(list, read)
  local found = {}
  for i, values in ipairs(list) do found[i] = read(values) end
  return found
end

local function requests_of(packed)
  local batch = cmsgpack.unpack(packed)
  local rates = each(batch[2], rate_of)
  local tests = each(batch[3], function(places)
    return tests_of(each(places, function(place) return rates[place] end))
  end)
  return each(batch[1], function(values)
    return {
      decision_id = values[1], taken_at_ms = values[2], identity = values[3], digest = values[4],
      strategy = values[5], token = values[6], hold = values[7],
      claims = values[8], -- counter, amount, ceiling or false, counter, ...
      tests = tests[values[9]], resumable = values[10], from_door = values[11],
      opposite = values[12], drift = values[13] and price_of(values[13]),
      override_id = values[14],
      sums = values[15], -- counters that are summed up, amount, ceiling, counters, ...; or nil
    }
  end)
end
