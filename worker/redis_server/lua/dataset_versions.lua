-- The versions of a dataset's name. A name has a list only from its second version on, or after a deletion: without an entry
-- the dataset of a name is the version after all that were ever given.
-- include: redis_server/lua/project.lua

local function versions_of(project, name) return scoped(project, KEY.DATASET_VERSIONS) .. name end

local function last_version(project, name)
  return tonumber(redis.call('HGET', scoped(project, KEY.LAST_DATASET_VERSIONS), name) or 0)
end

-- The version of a dataset under a name, as text; nil when the name never had this dataset.
local function version_under(project, name, dataset_id)
  local version = redis.call('ZSCORE', versions_of(project, name), dataset_id)
  if version then return version end
  if redis.call('HGET', scoped(project, KEY.DATASET_NAMES), name) ~= dataset_id then return nil end
  return tostring(last_version(project, name) + 1)
end

local function add_version(project, name, dataset_id, version)
  redis.call('ZADD', versions_of(project, name), version, dataset_id)
  redis.call('HSET', scoped(project, KEY.LAST_DATASET_VERSIONS), name, version)
end

-- Enter the present dataset of a name, which may have come without a list.
local function enter_present(project, name)
  local present = redis.call('HGET', scoped(project, KEY.DATASET_NAMES), name)
  if not present or redis.call('EXISTS', scoped(project, KEY.DATASET) .. present) == 0 then return end
  if redis.call('ZSCORE', versions_of(project, name), present) then return end
  add_version(project, name, present, last_version(project, name) + 1)
end
