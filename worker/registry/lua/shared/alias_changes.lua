-- What the history of an alias tells: its changes, where a rollback leads, and the alias as a reply.
-- A change is known by its number, its place in the history of its name from 1.
-- include: redis_server/lua/project.lua
-- include: registry/lua/shared/model_json.lua
local PAGE = 50

-- The number, the fields and the text of the newest change of an alias, of those up to the number `last` if it is given;
-- nil when there is none. What moved nothing is no change.
local function newest_change(project, name, alias, last)
  local key = scoped(project, KEY.ALIAS_HISTORY) .. name
  last = last or redis.call('LLEN', key)
  while last > 0 do
    local first = math.max(last - PAGE + 1, 1)
    local texts = redis.call('LRANGE', key, first - 1, last - 1)
    for i = #texts, 1, -1 do
      local change = cjson.decode(texts[i])
      if change.alias == alias and change.from_version ~= change.to_version then
        return first + i - 1, change, texts[i]
      end
    end
    last = first - 1
  end
end

-- The version in a decoded change as text; empty for none.
local function version_text(version)
  return version == cjson.null and '' or tostring(version)
end

-- Whether a change moved the alias from this version, and was asked for by the caller who asks now.
local function is_own_change(change, from_version)
  return version_text(change.from_version) == from_version and change.by == cjson.decode('[' .. args.by .. ']')[1]
end

local function model_of_version(project, name, version)
  return redis.call('ZRANGEBYSCORE', scoped(project, KEY.VERSIONS) .. name, version, version)[1]
end

-- Where a rollback leads: the version before the present one, and the number of the change that set it; nil when there
-- is none. The third result lists the versions in between that are deleted. A rollback stands for the change that it
-- returned to: the next one goes further back.
local function rollback_target(project, name, alias)
  local present = redis.call('HGET', scoped(project, KEY.ALIASES) .. name, alias) or ''
  local skipped, seen = {}, {}
  local number, change = newest_change(project, name, alias)
  while number do
    number, change = newest_change(project, name, alias, (change.returns_to or number) - 1)
    local version = number and version_text(change.to_version) or ''
    if version ~= '' and version ~= present and not seen[version] then
      if model_of_version(project, name, version) then return version, change.returns_to or number, skipped end
      seen[version], skipped[#skipped + 1] = true, version
    end
  end
  return nil, nil, skipped
end

-- The model of an alias, its newest change with the number, and the version to which a rollback would lead.
local function alias_reply(project, name, alias)
  local version = redis.call('HGET', scoped(project, KEY.ALIASES) .. name, alias)
  local model_id = version and model_of_version(project, name, version)
  if not model_id then return {'alias_not_found', name, alias} end
  local number, _, text = newest_change(project, name, alias)
  local previous = rollback_target(project, name, alias)
  return {'ok', model_json(project, model_id, alias), tostring(number or ''), text or '', previous or ''}
end
