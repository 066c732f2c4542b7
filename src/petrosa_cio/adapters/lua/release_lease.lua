-- Gives a lease up, but never another's. ARGV from 2: name, owner.

local LEASE = PREFIX .. 'lease:' .. ARGV[2]

if call('GET', LEASE) == ARGV[3] then call('DEL', LEASE) end
return 1
