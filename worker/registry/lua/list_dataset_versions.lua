-- The versions of a name, the newest first: for each the first record, the record under the name, the other names, and
-- the version.
-- include: redis_server/lua/dataset_versions.lua
-- include: registry/lua/shared/dataset_entries.lua
local project, name = args.project, args.name
local present, before = redis.call('HGET', scoped(project, KEY.DATASET_NAMES), name), '+inf'
if not present then return {'dataset_not_found', name} end
if args.after ~= '' then
  before = version_under(project, name, args.after)
  if not before then return {'dataset_not_found', args.after} end
  before = '(' .. before
end
local ids = redis.call('ZRANGE', versions_of(project, name), before, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, args.limit)
if args.after == '' and not redis.call('ZSCORE', versions_of(project, name), present) then table.insert(ids, 1, present) end

local reply = {'ok'}
for _, dataset_id in ipairs(ids) do
  local record = redis.call('GET', scoped(project, KEY.DATASET) .. dataset_id)
  if record then
    reply[#reply + 1] = record
    reply[#reply + 1] = entry_under(dataset_id, name)
    reply[#reply + 1] = other_names(dataset_id)
    reply[#reply + 1] = version_under(project, name, dataset_id)
  end
end
return reply
