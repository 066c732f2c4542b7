-- Fields of hashes, each read once and written once a script, many at a time: in a batch of hundreds
-- the calls would cost more than what they carry. What a script writes it also reads.

local FIELDS_A_CALL = 1000 -- a Lua call takes only so many arguments

local known, changed, lasting, renewed = {}, {}, {}, {}

local function fields_of(key)
  if not known[key] then known[key], changed[key] = {}, {} end
  return known[key]
end

local function fetch_fields(key, names)
  local fields = fields_of(key)
  for first = 1, #names, FIELDS_A_CALL do
    local last = math.min(first + FIELDS_A_CALL - 1, #names)
    local values = call('HMGET', key, unpack(names, first, last))
    for i = first, last do fields[names[i]] = values[i - first + 1] end
  end
end

local function get_field(key, name)
  local fields = fields_of(key)
  if fields[name] == nil then fields[name] = call('HGET', key, name) end
  return fields[name]
end

-- A value of false removes the field.
local function set_field(key, name, value)
  fields_of(key)[name] = value
  changed[key][name] = true
end

-- A bucket expires as a whole, counted from its first write; to ask once a script is enough.
local function expire_later(key, after_ms)
  if call('PTTL', key) < 0 then call('PEXPIRE', key, integer(after_ms)) end
end

-- The same for a key whose fields are yet to be written.
local function expire_when_written(key, after_ms) lasting[key] = after_ms end

-- A key that is written again and again lasts from its last write.
local function expire_from_now(key, after_ms) renewed[key] = after_ms end

local function write_in_parts(command, key, arguments)
  for first = 1, #arguments, FIELDS_A_CALL do
    call(command, key, unpack(arguments, first, math.min(first + FIELDS_A_CALL - 1, #arguments)))
  end
end

local function write_fields()
  for key, names in pairs(changed) do
    local set, removed = {}, {}
    for name in pairs(names) do
      local value = known[key][name]
      if value then
        set[#set + 1] = name
        set[#set + 1] = value
      else
        removed[#removed + 1] = name
      end
    end
    write_in_parts('HSET', key, set)
    write_in_parts('HDEL', key, removed)
  end
  for key, after_ms in pairs(lasting) do expire_later(key, after_ms) end
  for key, after_ms in pairs(renewed) do call('PEXPIRE', key, integer(after_ms)) end
end
