-- Lengthens a lease if the asker still holds it. ARGV from 2: name, owner, milliseconds. Answers
-- whether it does.

local LEASE = PREFIX .. 'lease:' .. ARGV[2]

if call('GET', LEASE) ~= ARGV[3] then return 0 end
return call('PEXPIRE', LEASE, ARGV[4])
