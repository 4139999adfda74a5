-- Functions that register a model and set an alias, used by the queue's `succeed` and by the scripts of the registry.
-- include: redis_server/lua/project.lua

local function register_model(project, model_id, name, version, manifest)
  redis.call('SET', scoped(project, KEY.MODEL) .. model_id, manifest)
  redis.call('ZADD', scoped(project, KEY.MODELS), 0, model_id)
  redis.call('ZADD', scoped(project, KEY.MODELS_BY_NAME) .. name, 0, model_id)
  local dataset_id = cjson.decode(manifest).dataset.id
  redis.call('ZADD', scoped(project, KEY.MODELS_BY_DATASET) .. dataset_id, 0, model_id)
  redis.call('ZADD', scoped(project, KEY.VERSIONS) .. name, version, model_id)
  local last_versions = scoped(project, KEY.LAST_VERSIONS)
  local last = redis.call('HGET', last_versions, name)
  if not last or tonumber(last) < tonumber(version) then redis.call('HSET', last_versions, name, version) end
end

local function has_alias(project, name, alias)
  return redis.call('HEXISTS', scoped(project, KEY.ALIASES) .. name, alias) == 1
end

-- Note something in the history of a name's aliases. `notes` are further fields, as JSON text that begins with a comma.
local function note_alias(project, name, alias, from_version, to_version, by, at, notes)
  redis.call('RPUSH', scoped(project, KEY.ALIAS_HISTORY) .. name, '{"alias":"' .. alias .. '","at":"' .. at .. '","by":'
    .. by .. ',"from_version":' .. (from_version or 'null') .. ',"to_version":' .. (to_version or 'null')
    .. (notes or '') .. '}')
end

-- Point an alias at a version and note the change in the alias's history; without a version, delete the alias.
-- The least scores of an alias stay when it moves and go with it.
local function set_alias(project, name, alias, version, by, at, notes)
  local aliases = scoped(project, KEY.ALIASES) .. name
  local before = redis.call('HGET', aliases, alias)
  if before == version then return end
  if version then
    redis.call('HSET', aliases, alias, version)
  else
    redis.call('HDEL', aliases, alias)
  end
  if not (before and version) then redis.call('HDEL', scoped(project, KEY.ALIAS_MIN_SCORES) .. name, alias) end
  if alias == 'production' then
    redis.call(version and 'SADD' or 'SREM', scoped(project, KEY.PRODUCTION_NAMES), name)
  end
  note_alias(project, name, alias, before, version, by, at, notes)
end
