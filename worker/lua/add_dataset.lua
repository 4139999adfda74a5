local dataset_id, name, record = unpack(ARGV)
local owner = redis.call('HGET', KEY.DATASET_NAMES, name)
if owner and owner ~= dataset_id then return {'dataset_name_taken', name} end

local known = redis.call('GET', KEY.DATASET .. dataset_id)
redis.call('HSET', KEY.DATASET_NAMES, name, dataset_id)
if known then return {'ok', known} end
redis.call('SET', KEY.DATASET .. dataset_id, record)
redis.call('ZADD', KEY.DATASETS, redis.call('INCR', KEY.DATASETS_ADDED), dataset_id)
return {'ok', record}
