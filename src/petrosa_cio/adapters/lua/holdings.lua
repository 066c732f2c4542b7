-- Answers exposure and reservations, each as a list of name, units, name, units, ...

local reserved = call('HGETALL', RESERVATIONS)
for i = 2, #reserved, 2 do
  local parts, most = cmsgpack.unpack(reserved[i]), 0
  for j = 2, #parts, 2 do most = math.max(most, parts[j]) end
  reserved[i] = most
end
return { call('HGETALL', EXPOSURE), reserved }
