-- Changes the status of a work item as the table TRANSITIONS allows.
-- include: redis_server/lua/json.lua
-- include: queue/lua/shared/item.lua
-- include: queue/lua/shared/events.lua
-- include: queue/lua/shared/scheduling.lua

local function statuses_before(status)
  local names = {}
  for name, successors in pairs(TRANSITIONS) do
    if successors[status] then names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, ',')
end

-- The refusal of a change that TRANSITIONS does not have; nil when the change is allowed.
local function transition_refusal(item, status)
  if (TRANSITIONS[item.status] or {})[status] then return nil end
  return {'wrong_state', item.id, item.status, statuses_before(status)}
end

-- Move the item between the indexes and queues; the caller writes the item's new status and transitions.
-- A queued item may be claimed after `delay_s`; without it at once.
local function move_to_status(item, status, at, delay_s)
  local by_status = KINDS[item.kind].by_status
  if item.status then redis.call('ZREM', by_status .. item.status, item.id) end
  redis.call('ZADD', by_status .. status, 0, item.id)
  if item.status == 'queued' then dequeue(item) end
  if status == 'queued' then enqueue(item, delay_s) end
  local transition = '{"status":"' .. status .. '","at":"' .. at .. '"}'
  item.status, item.transitions = status, appended(item.transitions, transition)
end

local function change_status(item, status, at, delay_s)
  move_to_status(item, status, at, delay_s)
  set_fields(item, {status = status, transitions = item.transitions})
end

local AT_END = {
  -- Nothing resumes an ended job: upkeep deletes its checkpoints, which need an attempt to exist.
  training = function(item)
    if tonumber(item.attempt_number) > 0 then redis.call('SADD', KEY.ENDED_CHECKPOINTS, item.id) end
  end,
  -- Upkeep deletes the upload and settles the jobs that wait. Without a dataset the name is free again.
  dataset_import = function(item)
    redis.call('SADD', KEY.ENDED_IMPORTS, item.id)
    local names = scoped(item.project, KEY.DATASET_NAMES)
    if redis.call('HGET', names, item.name) == item.id then redis.call('HDEL', names, item.name) end
  end,
  evaluation = function() end,
  batch_prediction = function() end,
  model_import = function() end,
}

local function end_item(item, status, at)
  AT_END[item.kind](item)
  clear_fields(item, 'phase')
  set_fields(item, {finished_at = at})
  change_status(item, status, at)
  emit_state(item, at)
  emit(item, at, 'end', '"status":"' .. status .. '"')
end
