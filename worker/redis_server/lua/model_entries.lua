-- Functions that register a model and set an alias, used by the queue's `finish` and by the scripts of the registry.

local function register_model(model_id, name, version, manifest)
  redis.call('SET', KEY.MODEL .. model_id, manifest)
  redis.call('ZADD', KEY.MODELS, 0, model_id)
  redis.call('ZADD', KEY.MODELS_BY_NAME .. name, 0, model_id)
  redis.call('ZADD', KEY.VERSIONS .. name, version, model_id)
  local last = redis.call('HGET', KEY.LAST_VERSIONS, name)
  if not last or tonumber(last) < tonumber(version) then
    redis.call('HSET', KEY.LAST_VERSIONS, name, version)
  end
end

-- Point an alias at a version and note the change in the alias's history; without a version, delete the alias.
local function set_alias(name, alias, version, by, at)
  local before = redis.call('HGET', KEY.ALIASES .. name, alias)
  if before == version then return end
  if version then
    redis.call('HSET', KEY.ALIASES .. name, alias, version)
  else
    redis.call('HDEL', KEY.ALIASES .. name, alias)
  end
  if alias == 'production' then
    redis.call(version and 'SADD' or 'SREM', KEY.PRODUCTION_NAMES, name)
  end
  redis.call('RPUSH', KEY.ALIAS_HISTORY .. name, '{"alias":"' .. alias .. '","at":"' .. at .. '","by":' .. by
    .. ',"from_version":' .. (before or 'null') .. ',"to_version":' .. (version or 'null') .. '}')
end
