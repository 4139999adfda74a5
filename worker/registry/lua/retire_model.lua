-- Begin a model's deletion: no list, reference or alias finds the model any more.
-- The record stays until the model's files are deleted.
local model_id = args.model_id
local manifest = redis.call('GET', KEY.MODEL .. model_id)
if not manifest then return {'model_not_found', model_id} end
local name = cjson.decode(manifest).name
local version = redis.call('ZSCORE', KEY.VERSIONS .. name, model_id)
local flat = redis.call('HGETALL', KEY.ALIASES .. name)
for i = 1, #flat, 2 do
  if flat[i + 1] == version then return {'model_in_use', model_id, flat[i]} end
end

redis.call('SADD', KEY.RETIRED_MODELS, model_id)
redis.call('ZREM', KEY.MODELS, model_id)
redis.call('ZREM', KEY.MODELS_BY_NAME .. name, model_id)
redis.call('ZREM', KEY.VERSIONS .. name, model_id)
return {'ok'}
