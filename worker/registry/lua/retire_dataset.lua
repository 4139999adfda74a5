-- Begin the deletion of a dataset: no list, name or id finds it any more. Its files are deleted afterwards; until then it is
-- noted, so that an interrupted deletion is finished. A name moves to its latest remaining version.
-- include: redis_server/lua/dataset_versions.lua
-- include: registry/lua/shared/dataset_entries.lua
-- include: registry/lua/shared/live_users.lua
local project, dataset_id = args.project, args.dataset_id
local key = scoped(project, KEY.DATASET) .. dataset_id
local record = redis.call('GET', key)
if not record then return {'dataset_not_found', dataset_id} end

-- Jobs, evaluations and batch predictions on it, and imports that store it or make its next version.
local users = {}
add_live_users(users, KEY.JOBS_BY_STATUS, 'dataset', dataset_id)
add_live_users(users, KEY.IMPORTS_BY_STATUS, 'parent', dataset_id)
add_live_users(users, KEY.IMPORTS_BY_STATUS, 'stores', dataset_id)
add_live_users(users, KEY.EVALUATIONS_BY_STATUS, 'dataset', dataset_id)
add_live_users(users, KEY.PREDICTIONS_BY_STATUS, 'dataset', dataset_id)
if #users > 0 then return {'dataset_in_use', dataset_id, users[1], tostring(#users - 1)} end

local names = redis.call('HKEYS', scoped(project, KEY.DATASET_ENTRIES) .. dataset_id)
names[#names + 1] = cjson.decode(record).facts.name
for _, name in ipairs(names) do
  if version_under(project, name, dataset_id) then
    enter_present(project, name)
    redis.call('ZREM', versions_of(project, name), dataset_id)
    if redis.call('HGET', scoped(project, KEY.DATASET_NAMES), name) == dataset_id then
      local latest = redis.call('ZRANGE', versions_of(project, name), -1, -1)[1]
      if latest then
        redis.call('HSET', scoped(project, KEY.DATASET_NAMES), name, latest)
      else
        redis.call('HDEL', scoped(project, KEY.DATASET_NAMES), name)
      end
    end
  end
end
redis.call('SADD', scoped(project, KEY.RETIRED_DATASETS), dataset_id)
redis.call('DEL', key, scoped(project, KEY.DATASET_ENTRIES) .. dataset_id)
redis.call('ZREM', scoped(project, KEY.DATASETS), dataset_id)
return {'ok'}
