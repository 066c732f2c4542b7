-- Begins every script. KEYS[1] is the generation marker of one fund; every other key of that fund
-- has the same prefix and hash tag, hence the same slot of a cluster. ARGV[1] is the time in epoch
-- milliseconds, or empty, as in production, for the server's own clock: one clock for all replicas.

local call = redis.call
local PREFIX = KEYS[1]:sub(1, -#'generation' - 1)

local function clock_ms()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local NOW = clock_ms()

-- Lua's own tostring gives up after 14 digits.
local function integer(number) return string.format('%.0f', number) end
