-- Point an alias at a version; no version deletes the alias.
-- include: redis_server/lua/time.lua
-- include: redis_server/lua/model_entries.lua
-- include: registry/lua/shared/model_json.lua
local project, name, alias, version = args.project, args.name, args.alias, args.version
if not version then
  if not has_alias(project, name, alias) then return {'alias_not_found', name, alias} end
  set_alias(project, name, alias, nil, args.by, now())
  return {'ok'}
end
local model_id = redis.call('ZRANGEBYSCORE', scoped(project, KEY.VERSIONS) .. name, version, version)[1]
if not model_id then return {'model_not_found', name .. ':' .. version} end
set_alias(project, name, alias, version, args.by, now())
return {'ok', model_json(project, model_id)}
