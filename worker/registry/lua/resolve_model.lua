-- Find the model of a reference. `selector` is id, version, latest, alias or only; `value` is the version or the alias.
-- `only` is the only model in production, without a reference.
-- include: registry/lua/shared/model_json.lua
local selector, name, value = args.selector, args.name, args.value
if selector == 'only' then
  local names = redis.call('SMEMBERS', scoped(args.project, KEY.PRODUCTION_NAMES))
  if #names == 0 then return {'no_model'} end
  table.sort(names)
  if #names > 1 then return {'model_required', unpack(names)} end
  selector, name, value = 'alias', names[1], 'production'
end
local versions, aliases = scoped(args.project, KEY.VERSIONS) .. name, scoped(args.project, KEY.ALIASES) .. name

local model_id, alias
if selector == 'id' then
  model_id = name
elseif selector == 'latest' then
  model_id = redis.call('ZRANGE', versions, -1, -1)[1]
else
  local version = value
  if selector == 'alias' then
    alias = value
    version = redis.call('HGET', aliases, alias)
    if not version and alias == 'production' and redis.call('EXISTS', versions) == 1 then
      return {'no_production', name}
    end
  end
  model_id = version and redis.call('ZRANGEBYSCORE', versions, version, version)[1]
end

local model = model_id and model_json(args.project, model_id, alias)
if not model then return {'model_not_found', args.ref or name} end
return {'ok', model, alias or ''}
