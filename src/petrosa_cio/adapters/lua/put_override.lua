-- Keeps an override that was not used yet. ARGV[2] is its name, ARGV[3] what is kept of it, ARGV[4]
-- for how long from now at most, in milliseconds, any of them can count. Answers 1, or 0 if it was used.

if call('EXISTS', PREFIX .. 'override_used:' .. ARGV[2]) == 1 then return 0 end
call('HSET', PREFIX .. 'overrides', ARGV[2], ARGV[3])
call('PEXPIRE', PREFIX .. 'overrides', ARGV[4])
return 1
