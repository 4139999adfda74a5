-- One dataset by id or name, and for a name one of its versions: a lookup of the name, then of the record, in one round
-- trip. The reply is the first record, the record under the name that was asked for, if it is another, the other names,
-- and the version under that name.
-- A name or id of an import that has not ended in a dataset returns the id of the import.
-- include: redis_server/lua/dataset_versions.lua
-- include: registry/lua/shared/dataset_entries.lua
local project, not_found = args.project, {'dataset_not_found', args.ref}

local function ready(dataset_id, name)
  local record = redis.call('GET', scoped(project, KEY.DATASET) .. dataset_id)
  if not record then return nil end
  local shown = name or cjson.decode(record).facts.name
  return {'ok', 'ready', record, entry_under(dataset_id, shown), other_names(dataset_id),
    version_under(project, shown, dataset_id) or ''}
end

local owner = redis.call('HGET', scoped(project, KEY.DATASET_NAMES), args.name)
if args.version ~= '' then
  local dataset_id = redis.call('ZRANGEBYSCORE', versions_of(project, args.name), args.version, args.version)[1]
  if not dataset_id and owner and version_under(project, args.name, owner) == args.version then dataset_id = owner end
  return dataset_id and ready(dataset_id, args.name) or not_found
end

local dataset_id = owner or args.name
local found = ready(dataset_id, owner and args.name)
if found then return found end
local import = redis.call('HMGET', KEY.ITEM .. dataset_id, 'kind', 'project', 'result', 'name')
if import[1] ~= 'dataset_import' or import[2] ~= project then return not_found end
if not import[3] then return {'ok', 'import', dataset_id} end
return ready(cjson.decode(import[3]).dataset_id, import[4]) or not_found
