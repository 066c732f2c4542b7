-- Stores one observed regime if what is stored for its symbol is still what the asker has seen: of
-- two that watch the market at once, none puts an older observation over a newer one. ARGV from 2:
-- symbol, document, the document that was seen or empty for none. Answers whether it was stored.

local REGIMES = PREFIX .. 'regimes'

if (call('HGET', REGIMES, ARGV[2]) or '') ~= ARGV[4] then return 0 end
call('HSET', REGIMES, ARGV[2], ARGV[3])
return 1
