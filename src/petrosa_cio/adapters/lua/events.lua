-- Times of events, one list per counter, newest first, shared by all its windows. Each list is
-- searched once a script and window; what this very script adds is counted beside it.

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

local function is_newer(list, index, start)
  return tonumber(call('LINDEX', list.key, index)) > start
end

-- Binary search: every event before `low` is newer than the start, none from `high` on is. The ends
-- come first, since LINDEX walks to the middle of a long list.
local function count_newer(list, start)
  local low, high = 0, list.length
  if high == 0 or not is_newer(list, 0, start) then return 0 end
  if is_newer(list, -1, start) then return high end
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_newer(list, middle, start) then low = middle + 1 else high = middle end
  end
  return low
end

-- Events of a list after a time, of those that were there before this script.
local function stored_after(list, start)
  if not list.newer[start] then list.newer[start] = count_newer(list, start) end
  return list.newer[start]
end

-- Adds an event that may be asked for so long, and returns its time. A clock that was set back must
-- not put older times before newer ones: the search needs the order.
local function add_event(counter, keep_ms)
  local list = list_of(counter)
  if keep_ms > list.keep_ms then list.keep_ms = keep_ms end
  if not list.at then
    local newest = list.length > 0 and tonumber(call('LINDEX', list.key, 0)) or 0
    list.at = math.max(NOW, newest)
  end
  list.added = list.added + 1
  return list.at
end

-- In parts, since a Lua call takes only so many arguments.
local function push(key, value, times)
  local values = {}
  for i = 1, math.min(times, 1000) do values[i] = value end
  for done = 0, times - 1, 1000 do
    call('LPUSH', key, unpack(values, 1, math.min(times - done, 1000)))
  end
end

local function write_list(list)
  if list.added == 0 then return end
  local keep = count_newer(list, NOW - list.keep_ms) + list.added
  push(list.key, integer(list.at), list.added)
  if list.length + list.added > keep then call('LTRIM', list.key, 0, keep - 1) end
  call('PEXPIRE', list.key, integer(list.keep_ms))
end

local function write_events()
  for _, list in pairs(lists) do write_list(list) end
end

-- Of several events at one time any may go: they are told apart by nothing.
local function remove_event(counter, at)
  local list = lists[counter]
  if list then
    write_list(list)
    list.is_over = true
  end
  lists[counter] = nil
  call('LREM', PREFIX .. 'rate:' .. counter, 1, integer(at))
end
