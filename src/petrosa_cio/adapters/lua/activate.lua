-- Puts a revision of the policy in force where what is there is older, or still is what the caller
-- saw and wants gone. ARGV from 2: revision, tightened_revision, document, signed statement; then 1
-- where the caller wants something gone, with the document and the signed statement of that.
-- Answers 1, or 0 where it is not put.

local POLICY = PREFIX .. 'policy'
local found = call('HMGET', POLICY, 'revision', 'document', 'signed')

local is_unwanted = ARGV[6] == '1' and (found[2] or '') == ARGV[7] and (found[3] or '') == ARGV[8]
if not is_unwanted and (tonumber(found[1] or '') or 0) >= tonumber(ARGV[2]) then return 0 end
call('HSET', POLICY, 'revision', ARGV[2], 'tightened_revision', ARGV[3], 'document', ARGV[4],
  'signed', ARGV[5])
return 1
