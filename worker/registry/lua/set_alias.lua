-- Point an alias at a version; an empty version deletes the alias.
local name, alias, version, by, at = unpack(ARGV)
if version == '' then
  if redis.call('HEXISTS', KEY.ALIASES .. name, alias) == 0 then return {'alias_not_found', name, alias} end
  set_alias(name, alias, nil, by, at)
  return {'ok'}
end
local model_id = redis.call('ZRANGEBYSCORE', KEY.VERSIONS .. name, version, version)[1]
if not model_id then return {'model_not_found', name .. ':' .. version} end
set_alias(name, alias, version, by, at)
return {'ok', model_json(model_id)}
