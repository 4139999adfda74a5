local name, idempotency_id = unpack(ARGV)
local owner = redis.call('HGET', KEY.DATASET_NAMES, name) or ''
local first = idempotency_id ~= '' and redis.call('HGET', KEY.IDEMPOTENCY .. idempotency_id, 'body_hash')
if first and first ~= owner .. ' ' .. name then return {'idempotency_mismatch'} end
return {'ok', owner, first and 'repeat' or ''}
