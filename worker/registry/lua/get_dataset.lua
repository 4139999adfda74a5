-- One dataset by id or name: a lookup of the name, then of the record, in one round trip. The reply is the first record,
-- the record under the name that was asked for, if it is another, and the other names.
-- A name or id of an import that has not ended in a dataset returns the id of the import.
-- include: redis_server/lua/project.lua
-- include: registry/lua/shared/dataset_entries.lua
local owner = redis.call('HGET', scoped(args.project, KEY.DATASET_NAMES), args.ref)
local dataset_id = owner or args.ref
local record = redis.call('GET', scoped(args.project, KEY.DATASET) .. dataset_id)
if record then return {'ok', 'ready', record, entry_under(dataset_id, args.ref), other_names(dataset_id)} end

local import = redis.call('HMGET', KEY.ITEM .. dataset_id, 'kind', 'project', 'result', 'name')
if import[1] ~= 'dataset_import' or import[2] ~= args.project then return {'dataset_not_found', args.ref} end
if not import[3] then return {'ok', 'import', dataset_id} end
dataset_id = cjson.decode(import[3]).dataset_id
record = redis.call('GET', scoped(args.project, KEY.DATASET) .. dataset_id)
if not record then return {'dataset_not_found', args.ref} end
return {'ok', 'ready', record, entry_under(dataset_id, import[4]), other_names(dataset_id)}
