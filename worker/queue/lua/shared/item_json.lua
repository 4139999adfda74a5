-- Renders a work item as the JSON text that the API returns, in one script: its parts cannot contradict each other.
-- include: redis_server/lua/json.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/live_workers.lua
-- include: queue/lua/shared/scheduling.lua

local function queued_reason(item, position)
  if item.waits_for then return 'waiting_for_dataset' end
  local lane, needed = KINDS[item.kind].lane, tonumber(item.gpus or 1)
  local devices = devices_of_largest_worker(lane)
  if devices == 0 then return 'no_worker' end
  if needed > devices then return 'no_matching_worker' end
  return position == 1 and has_idle_worker(lane, needed) and 'starting' or 'behind_other_jobs'
end

local function queue_json(item)
  if item.status ~= 'queued' then return '"queue_position":null,"queued_reason":null' end
  local position = position_of(item)
  return '"queue_position":' .. (position or 'null') .. ',"queued_reason":"' .. queued_reason(item, position) .. '"'
end

local function attempts_json(item)
  local attempts = item.attempts
  if item.attempt then attempts = appended(attempts, attempt_json(item)) end
  return '[' .. (attempts or '') .. ']'
end

-- The spec: as it was posted while the job waits, else with the settings and the word that the first release does not know.
local function spec_json(item)
  if item.posted_spec or not item.later_settings then return item.posted_spec or item.spec end
  local spec = item.spec:sub(1, -2) .. ',' .. item.later_settings:sub(2)
  return item.promote == 'if_better' and spec:gsub('"promote":"never"', '"promote":"if_better"', 1) or spec
end

-- The result, with the fields that the first release does not know: each is a field of its own in the record.
local function result_json(item)
  local result = item.result
  if not result then return 'null' end
  if item.promotion then result = result:sub(1, -2) .. ',"promotion":' .. item.promotion .. '}' end
  return item.later_result and result:sub(1, -2) .. ',' .. item.later_result:sub(2) or result
end

-- The fields that only one kind has.
local OWN_FIELDS = {
  training = function(item)
    return ',"spec":' .. spec_json(item) .. ',"recipe":' .. (item.recipe or 'null')
      .. ',"warnings":' .. item.warnings .. ',"metrics":' .. (item.metrics or 'null')
      .. ',"best":' .. (item.best or 'null') .. ',"finish_reason":' .. quoted(item.later_finish_reason or item.finish_reason)
      .. ',"tags":' .. item.tags .. '}'
  end,
  dataset_import = function(item)
    return ',"size_bytes":' .. item.size_bytes .. ',"source":' .. (item.source or 'null')
      .. ',"parent":' .. quoted(item.parent) .. ',"note":' .. (item.note or 'null') .. '}'
  end,
  evaluation = function(item)
    return ',"model":"' .. item.model .. '","dataset":"' .. item.dataset .. '","split":"' .. item.split .. '"}'
  end,
  batch_prediction = function(item)
    return ',"model":"' .. item.model .. '","dataset":' .. quoted(item.dataset) .. ',"split":' .. quoted(item.split)
      .. ',"size_bytes":' .. (item.size_bytes or 'null') .. ',' .. item.options:sub(2, -2)
      .. ',"precision":"' .. item.precision .. '"}'
  end,
  model_import = function(item)
    return ',"size_bytes":' .. item.size_bytes .. '}'
  end,
}

local function item_json(item)
  return table.concat({
    '{"id":"', item.id, '","object":"', KINDS[item.kind].object, '","status":"', item.status,
    '","phase":', quoted(item.phase), ',"name":"', item.name, '","priority":', item.priority or '0',
    ',"created_by":', item.created_by, ',"created_at":"', item.created_at,
    '","started_at":', quoted(item.started_at), ',"finished_at":', quoted(item.finished_at),
    ',', queue_json(item), ',"progress":', item.progress or 'null', ',"attempts":', attempts_json(item),
    ',"transitions":[', item.transitions, '],"result":', result_json(item), ',"error":', item.error or 'null',
    OWN_FIELDS[item.kind](item),
  })
end
