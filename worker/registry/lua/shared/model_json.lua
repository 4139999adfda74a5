-- A model's manifest and its current aliases as JSON, and the least scores of `alias` if it is given; nil when the model does not exist or is being deleted.
-- include: redis_server/lua/project.lua
local function model_json(project, model_id, alias)
  local manifest = redis.call('GET', scoped(project, KEY.MODEL) .. model_id)
  if not manifest then return nil end
  if redis.call('SISMEMBER', scoped(project, KEY.RETIRED_MODELS), model_id) == 1 then return nil end
  local name = cjson.decode(manifest).name
  local version = redis.call('ZSCORE', scoped(project, KEY.VERSIONS) .. name, model_id)
  local aliases = {}
  local flat = redis.call('HGETALL', scoped(project, KEY.ALIASES) .. name)
  for i = 1, #flat, 2 do
    if flat[i + 1] == version then aliases[#aliases + 1] = '"' .. flat[i] .. '"' end
  end
  table.sort(aliases)
  local least = alias and redis.call('HGET', scoped(project, KEY.ALIAS_MIN_SCORES) .. name, alias)
  return '{"manifest":' .. manifest .. ',"aliases":[' .. table.concat(aliases, ',') .. ']' .. (least and ',"min_scores":' .. least or '') .. '}'
end
