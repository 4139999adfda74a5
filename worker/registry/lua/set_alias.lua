-- Point an alias at a version; no version deletes the alias. `expected` is the version at which the alias must point now,
-- empty for none. `min_scores` replaces the least scores of the alias. A repetition of the change that was made last is no second one.
-- include: redis_server/lua/time.lua
-- include: redis_server/lua/model_entries.lua
-- include: registry/lua/shared/alias_changes.lua
local project, name, alias, version = args.project, args.name, args.alias, args.version
if not version then
  if not has_alias(project, name, alias) then return {'alias_not_found', name, alias} end
  set_alias(project, name, alias, nil, args.by, now(), args.notes)
  return {'ok'}
end
if not model_of_version(project, name, version) then return {'model_not_found', name .. ':' .. version} end

local present = redis.call('HGET', scoped(project, KEY.ALIASES) .. name, alias) or ''
if args.expected and args.expected ~= present then
  local _, change = newest_change(project, name, alias)
  local is_repetition = present == version and change and not change.returns_to and is_own_change(change, args.expected)
  if not is_repetition then return {'alias_moved', name, alias, present} end
end
set_alias(project, name, alias, version, args.by, now(), args.notes)
if args.min_scores then
  local key = scoped(project, KEY.ALIAS_MIN_SCORES) .. name
  if (redis.call('HGET', key, alias) or '{}') ~= args.min_scores then
    redis.call('HSET', key, alias, args.min_scores)
    if present == version then note_alias(project, name, alias, version, version, args.by, now(), args.notes) end
  end
end
return alias_reply(project, name, alias)
