-- Reads a batch of requests: `_requested` of the Python side puts them in this order. A rate that many
-- of them count against is one table, so what is worked out of it once serves all of them.

local function claim_of(values)
  return { counter = values[1], amount = values[2], ceiling = values[3] }
end

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

local function each(list, read)
  local found = {}
  for i, values in ipairs(list) do found[i] = read(values) end
  return found
end

local function requests_of(packed)
  local batch = cmsgpack.unpack(packed)
  local rates = each(batch[2], rate_of)
  return each(batch[1], function(values)
    return {
      decision_id = values[1], taken_at_ms = values[2], identity = values[3], digest = values[4],
      strategy = values[5], token = values[6], hold = values[7],
      claims = each(values[8], claim_of),
      rates = each(values[9], function(place) return rates[place] end),
      resumable = values[10], from_door = values[11], opposite = values[12], drift = values[13],
      override_id = values[14],
    }
  end)
end
