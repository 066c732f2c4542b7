-- Begins every script that relies on the ledger, after clock.lua. Without its marker the ledger was
-- emptied or replaced; nothing it would say is to be trusted.
if call('EXISTS', KEYS[1]) == 0 then return false end
