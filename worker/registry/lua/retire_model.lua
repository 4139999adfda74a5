-- Begin a model's deletion: no list, reference or alias finds the model any more.
-- The record stays until the model's files are deleted.
-- include: redis_server/lua/project.lua
-- include: registry/lua/shared/live_users.lua
local project, model_id = args.project, args.model_id
local manifest = redis.call('GET', scoped(project, KEY.MODEL) .. model_id)
if not manifest then return {'model_not_found', model_id} end
manifest = cjson.decode(manifest)
local name = manifest.name
local versions = scoped(project, KEY.VERSIONS) .. name
local version = redis.call('ZSCORE', versions, model_id)
local flat = redis.call('HGETALL', scoped(project, KEY.ALIASES) .. name)
for i = 1, #flat, 2 do
  if flat[i + 1] == version then return {'model_in_use', model_id, flat[i]} end
end
local users = {}
add_live_users(users, KEY.EVALUATIONS_BY_STATUS, 'model', model_id)
add_live_users(users, KEY.PREDICTIONS_BY_STATUS, 'model', model_id)
if #users > 0 then return {'model_in_use', model_id, '', users[1], tostring(#users - 1)} end

redis.call('SADD', scoped(project, KEY.RETIRED_MODELS), model_id)
redis.call('ZREM', scoped(project, KEY.MODELS), model_id)
redis.call('ZREM', scoped(project, KEY.MODELS_BY_NAME) .. name, model_id)
redis.call('ZREM', scoped(project, KEY.MODELS_BY_DATASET) .. manifest.dataset.id, model_id)
redis.call('ZREM', versions, model_id)
return {'ok'}
