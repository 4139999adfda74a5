-- The registry's verbs: a name's versions, and the aliases that point at them.

local function set_alias(name, alias, version, by, at)
  local before = redis.call('HGET', KEY.ALIASES .. name, alias)
  if before == version then return before end
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
  return before
end

local function register(model_id, name, version, manifest)
  redis.call('SET', KEY.MODEL .. model_id, manifest)
  redis.call('ZADD', KEY.MODELS, 0, model_id)
  redis.call('ZADD', KEY.MODELS_BY_NAME .. name, 0, model_id)
  redis.call('ZADD', KEY.VERSIONS .. name, version, model_id)
  local last = redis.call('HGET', KEY.LAST_VERSIONS, name)
  if not last or tonumber(last) < tonumber(version) then
    redis.call('HSET', KEY.LAST_VERSIONS, name, version)
  end
end

-- A manifest and the aliases that point at it now; nil for a model that is on its way out.
local function model_json(model_id)
  local manifest = redis.call('GET', KEY.MODEL .. model_id)
  if not manifest or redis.call('SISMEMBER', KEY.RETIRED_MODELS, model_id) == 1 then return nil end
  local name = cjson.decode(manifest).name
  local version = redis.call('ZSCORE', KEY.VERSIONS .. name, model_id)
  local aliases = {}
  local flat = redis.call('HGETALL', KEY.ALIASES .. name)
  for i = 1, #flat, 2 do
    if flat[i + 1] == version then aliases[#aliases + 1] = '"' .. flat[i] .. '"' end
  end
  table.sort(aliases)
  return '{"manifest":' .. manifest .. ',"aliases":[' .. table.concat(aliases, ',') .. ']}'
end

-- Off every list, so that nothing new can point at it; the record stays until its files are gone.
local function withdraw(model_id, name)
  redis.call('SADD', KEY.RETIRED_MODELS, model_id)
  redis.call('ZREM', KEY.MODELS, model_id)
  redis.call('ZREM', KEY.MODELS_BY_NAME .. name, model_id)
  redis.call('ZREM', KEY.VERSIONS .. name, model_id)
end
