-- Enter a model from its manifest, unless the registry knows the model or the model is being deleted.
-- include: redis_server/lua/model_entries.lua
local model_id, name, version, manifest = args.model_id, args.name, args.version, args.manifest
if redis.call('EXISTS', KEY.MODEL .. model_id) == 1 then return {'ok', ''} end
if redis.call('SISMEMBER', KEY.RETIRED_MODELS, model_id) == 1 then return {'ok', ''} end
register_model(model_id, name, version, manifest)
return {'ok', 'new'}
