-- Begins the scripts that rebuild a lost ledger, after clock.lua. Once it is marked again, by
-- whichever replica was first, it is in use, and nothing old may be written over it.
if call('EXISTS', KEYS[1]) == 1 then return false end
