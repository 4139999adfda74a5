-- Find the model of a reference. `selector` is id, version, latest or alias; `value` is the version or the alias.
-- include: registry/lua/shared/model_json.lua
local name, value = args.name, args.value
local versions, aliases = scoped(args.project, KEY.VERSIONS) .. name, scoped(args.project, KEY.ALIASES) .. name

local model_id, alias
if args.selector == 'id' then
  model_id = name
elseif args.selector == 'latest' then
  model_id = redis.call('ZRANGE', versions, -1, -1)[1]
else
  local version = value
  if args.selector == 'alias' then
    alias = value
    version = redis.call('HGET', aliases, alias)
    if not version and alias == 'production' and redis.call('EXISTS', versions) == 1 then
      return {'no_production', name}
    end
  end
  model_id = version and redis.call('ZRANGEBYSCORE', versions, version, version)[1]
end

local model = model_id and model_json(args.project, model_id, alias)
if not model then return {'model_not_found', args.ref} end
return {'ok', model, alias or ''}
