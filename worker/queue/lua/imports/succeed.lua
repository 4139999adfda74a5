-- End an import whose dataset is in storage: register the dataset under the import's name.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua
local at = now()

local import, refusal = held_item()
if refusal then return has_ended(import, 'succeeded') and {'ok', import.status} or refusal end
refusal = transition_refusal(import, 'succeeded')
if refusal then return refusal end
local names = scoped(import.project, KEY.DATASET_NAMES)
local owner = redis.call('HGET', names, import.name)
if owner and owner ~= import.id and owner ~= args.dataset_id then return {'dataset_name_taken', import.name} end

end_attempt(import, at, 'succeeded', 'succeeded')
local key = scoped(import.project, KEY.DATASET) .. args.dataset_id
if redis.call('SET', key, args.record, 'NX') then
  local number = redis.call('INCR', scoped(import.project, KEY.DATASETS_ADDED))
  redis.call('ZADD', scoped(import.project, KEY.DATASETS), number, args.dataset_id)
elseif cjson.decode(redis.call('GET', key)).facts.name ~= import.name then
  redis.call('HSETNX', scoped(import.project, KEY.DATASET_ENTRIES) .. args.dataset_id, import.name, args.record)
end
redis.call('HSET', names, import.name, args.dataset_id)
redis.call('ZREM', scoped(import.project, KEY.IMPORTS), import.id)
set_fields(import, {result = '{"dataset_id":"' .. args.dataset_id .. '"}'})
emit(import, at, 'dataset', '"dataset":{"id":"' .. args.dataset_id .. '","name":"' .. import.name .. '"}')
end_item(import, 'succeeded', at)
return {'ok', import.status}
