-- Renew the lease of an attempt: count the renewal; the returned status shows what the owner of the item requested.
-- arguments: item_id, attempt_id
local key = KEY.ITEM .. args.item_id
local known = redis.call('HMGET', key, 'attempt', 'status')
if not known[2] then return {'job_not_found', args.item_id} end
if known[1] ~= args.attempt_id then return {'stale_attempt', args.item_id, args.attempt_id} end
redis.call('HINCRBY', key, 'renewals', 1)
return known[2]
