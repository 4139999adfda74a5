-- Queue the import of an upload and reserve its name. The same upload under the same name again returns the first
-- import. The next version of a dataset reserves no name: its name finds the dataset until the version is ready.
-- include: queue/lua/shared/submission.lua

-- An upload in parts becomes one import: a second request for it gets the first import.
local upload = args.has_parts and scoped(args.project, KEY.UPLOADS) .. args.item_id
local function answer(reply)
  if upload then redis.call('HSET', upload, 'dataset_id', reply[2]) end
  return reply
end
if upload then
  if redis.call('EXISTS', upload) == 0 then return {'upload_not_found', args.item_id} end
  local known = redis.call('HGET', upload, 'dataset_id')
  local first = known and load_item(known)
  if first then return {'ok', first.id, item_json(first), 'replay'} end
  if known then return {'job_not_found', known} end
end

local replay = first_answer()
if replay then return replay end

local refusal = queue_refusal('dataset_import')
if refusal then return refusal end
if args.parent ~= '' then
  if redis.call('EXISTS', scoped(args.project, KEY.DATASET) .. args.parent) == 0 then return {'parent_deleted', args.name} end
  return answer(create_item('dataset_import', {
    upload = args.upload, upload_sha256 = args.upload_sha256, size_bytes = args.size_bytes, parent = args.parent,
    note = args.note ~= '' and args.note or nil, import_options = args.import_options ~= '' and args.import_options or nil,
  }))
end
local names = scoped(args.project, KEY.DATASET_NAMES)
local owner = redis.call('HGET', names, args.name)
local other = owner and load_item(owner)
if other and not TERMINAL[other.status] then
  if other.upload_sha256 == args.upload_sha256 then
    return answer({'ok', other.id, item_json(other), 'replay'})
  end
  return {'dataset_name_taken', args.name}
end

-- A name that belongs to a dataset never changes its dataset: the upload must turn out to be the same.
local expected_id = owner and not other and owner or nil
if not expected_id then redis.call('HSET', names, args.name, args.item_id) end
return answer(create_item('dataset_import', {
  upload = args.upload, upload_sha256 = args.upload_sha256, size_bytes = args.size_bytes, expected_id = expected_id,
  source = args.source,
  import_options = args.import_options ~= '' and args.import_options or nil,
}))
