-- Find the model of a reference. `selector` is id, version, latest or alias; `value` is the version or the alias.
-- include: registry/lua/shared/model_json.lua
local ref, selector, name, value = args.ref, args.selector, args.name, args.value

local model_id, alias
if selector == 'id' then
  model_id = name
elseif selector == 'latest' then
  model_id = redis.call('ZRANGE', KEY.VERSIONS .. name, -1, -1)[1]
else
  local version = value
  if selector == 'alias' then
    alias = value
    version = redis.call('HGET', KEY.ALIASES .. name, alias)
    if not version and alias == 'production' and redis.call('EXISTS', KEY.VERSIONS .. name) == 1 then
      return {'no_production', name}
    end
  end
  model_id = version and redis.call('ZRANGEBYSCORE', KEY.VERSIONS .. name, version, version)[1]
end

local model = model_id and model_json(model_id)
if not model then return {'model_not_found', ref} end
return {'ok', model, alias or ''}
