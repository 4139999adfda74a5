-- Enter a dataset under a name. The same dataset again returns the first entry; a name never changes its dataset.
local dataset_id, name, record, idempotency_id, keep_s = args.dataset_id, args.name, args.record, args.idempotency_id, args.keep_s
local body_hash = dataset_id .. ' ' .. name
local idempotency_key = KEY.IDEMPOTENCY .. idempotency_id
if idempotency_id ~= '' and (redis.call('HGET', idempotency_key, 'body_hash') or body_hash) ~= body_hash then
  return {'idempotency_mismatch'}
end
local owner = redis.call('HGET', KEY.DATASET_NAMES, name)
if owner and owner ~= dataset_id then return {'dataset_name_taken', name} end

if idempotency_id ~= '' then
  redis.call('HSET', idempotency_key, 'body_hash', body_hash)
  redis.call('EXPIRE', idempotency_key, keep_s)
end
local known = redis.call('GET', KEY.DATASET .. dataset_id)
redis.call('HSET', KEY.DATASET_NAMES, name, dataset_id)
if known then return {'ok', known} end
redis.call('SET', KEY.DATASET .. dataset_id, record)
redis.call('ZADD', KEY.DATASETS, redis.call('INCR', KEY.DATASETS_ADDED), dataset_id)
return {'ok', record}
