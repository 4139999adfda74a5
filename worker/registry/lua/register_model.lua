-- Enter a model from its manifest, unless the registry knows the model or the model is being deleted.
-- include: redis_server/lua/model_entries.lua
local model_id = args.model_id
if redis.call('EXISTS', scoped(args.project, KEY.MODEL) .. model_id) == 1 then return {'ok', ''} end
if redis.call('SISMEMBER', scoped(args.project, KEY.RETIRED_MODELS), model_id) == 1 then return {'ok', ''} end
note_project(args.project)
register_model(args.project, model_id, args.name, args.version, args.manifest)
return {'ok', 'new'}
