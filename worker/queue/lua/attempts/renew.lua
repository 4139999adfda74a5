-- Renew the lease of an attempt: count the renewal; the returned status shows what the owner of the item requested.
local key = KEY.ITEM .. args.item_id
local known = redis.call('HMGET', key, 'id', 'attempt', 'status')
if not known[1] then return {'job_not_found', args.item_id} end
if known[2] ~= args.attempt_id then return {'stale_attempt', args.item_id, args.attempt_id} end
redis.call('HINCRBY', key, 'renewals', 1)
return {'ok', known[3]}
