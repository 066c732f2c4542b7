-- Makes a policy document the next revision if its parent is still the active one. ARGV from 2:
-- document, parent, 1 where it tightens. Answers {revision, tightened_revision}, or false.

local POLICY = PREFIX .. 'policy'
local document, parent, tightens = ARGV[2], ARGV[3], ARGV[4] == '1'

local active = call('HMGET', POLICY, 'revision', 'tightened_revision')
if (active[1] or '0') ~= parent then return false end
local revision = tonumber(parent) + 1
local tightened_revision = tightens and revision or tonumber(active[2] or 0)
call('HSET', POLICY, 'document', document, 'revision', integer(revision),
  'tightened_revision', integer(tightened_revision))
return { revision, tightened_revision }
