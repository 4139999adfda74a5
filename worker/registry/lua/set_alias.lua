-- Point an alias at a version; no version deletes the alias.
-- include: redis_server/lua/time.lua
-- include: redis_server/lua/model_entries.lua
-- include: registry/lua/shared/model_json.lua
local name, alias, version, by, at = args.name, args.alias, args.version, args.by, now()
if not version then
  if redis.call('HEXISTS', KEY.ALIASES .. name, alias) == 0 then return {'alias_not_found', name, alias} end
  set_alias(name, alias, nil, by, at)
  return {'ok'}
end
local model_id = redis.call('ZRANGEBYSCORE', KEY.VERSIONS .. name, version, version)[1]
if not model_id then return {'model_not_found', name .. ':' .. version} end
set_alias(name, alias, version, by, at)
return {'ok', model_json(model_id)}
