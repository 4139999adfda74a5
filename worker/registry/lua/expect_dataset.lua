-- Before an upload: the dataset that has the upload's name, and whether the Idempotency-Key was used for that dataset.
local name, idempotency_id = args.name, args.idempotency_id
local owner = redis.call('HGET', KEY.DATASET_NAMES, name) or ''
local body_hash = idempotency_id ~= '' and redis.call('HGET', KEY.IDEMPOTENCY .. idempotency_id, 'body_hash')
if body_hash and body_hash ~= owner .. ' ' .. name then return {'idempotency_mismatch'} end
return {'ok', owner, body_hash and 'repeat' or ''}
