-- End an import whose dataset is in storage: register the dataset under the import's name.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua
-- include: redis_server/lua/dataset_versions.lua

-- The parts of a registry's record, in the order in which every release writes its fields: the facts, what the import
-- found besides, and who added the dataset when. No string in a record contains these marks: its quotes are escaped.
local function parts_of(record)
  local images = string.find(record, '},"images":', 1, true)
  local added = string.find(record, ',"created_by":', 1, true)
  return string.sub(record, 1, images), string.sub(record, images + 1, added - 1), string.sub(record, added)
end

-- The facts under another name. A name has no character that is special in JSON.
local function renamed(facts, name)
  local from, to = string.find(facts, '"name":"[^"]*"')
  return string.sub(facts, 1, from - 1) .. '"name":"' .. name .. '"' .. string.sub(facts, to + 1)
end

-- Whether the images of a record were read by an earlier reader than this import's.
local function is_outdated(record)
  local read_by, reads = (cjson.decode(record).facts.reader_version or 1), cjson.decode(args.record).facts.reader_version
  return reads and read_by < reads
end

-- Note the name of images that were added before, and replace what an earlier reader found: all facts, and what it found
-- besides in the files that were added under this name.
local function add_again(import, key, first)
  local first_name = cjson.decode(first).facts.name
  local entries = scoped(import.project, KEY.DATASET_ENTRIES) .. args.dataset_id
  local facts, found = parts_of(args.record)
  local own = import.name == first_name and first or redis.call('HGET', entries, import.name)
  if not own then
    redis.call('HSET', entries, import.name, args.record)
  elseif is_outdated(own) then
    local _, _, added = parts_of(own)
    own = facts .. found .. added
    if import.name == first_name then return redis.call('SET', key, own) end
    redis.call('HSET', entries, import.name, own)
  end
  if is_outdated(first) then
    local _, first_found, added = parts_of(first)
    redis.call('SET', key, renamed(facts, first_name) .. first_found .. added)
  end
end

local at = now()

local import, refusal = held_item()
if refusal then return has_ended(import, 'succeeded') and {'ok', import.status} or refusal end
refusal = transition_refusal(import, 'succeeded')
if refusal then return refusal end
local names = scoped(import.project, KEY.DATASET_NAMES)
local owner = redis.call('HGET', names, import.name)
if import.parent then
  if not version_under(import.project, import.name, import.parent) then return {'parent_deleted', import.name} end
  local version = version_under(import.project, import.name, args.dataset_id)
  if version then return {'dataset_unchanged', import.name, version} end
elseif owner and owner ~= import.id and owner ~= args.dataset_id then
  return {'dataset_name_taken', import.name}
end

end_attempt(import, at, 'succeeded', 'succeeded')
local key = scoped(import.project, KEY.DATASET) .. args.dataset_id
if redis.call('SET', key, args.record, 'NX') then
  local number = redis.call('INCR', scoped(import.project, KEY.DATASETS_ADDED))
  redis.call('ZADD', scoped(import.project, KEY.DATASETS), number, args.dataset_id)
else
  add_again(import, key, redis.call('GET', key))
end
if import.parent then
  enter_present(import.project, import.name)
  add_version(import.project, import.name, args.dataset_id, last_version(import.project, import.name) + 1)
end
redis.call('HSET', names, import.name, args.dataset_id)
redis.call('ZREM', scoped(import.project, KEY.IMPORTS), import.id)
set_fields(import, {result = '{"dataset_id":"' .. args.dataset_id .. '"}'})
emit(import, at, 'dataset', '"dataset":{"id":"' .. args.dataset_id .. '","name":"' .. import.name .. '"}')
end_item(import, 'succeeded', at)
return {'ok', import.status}
