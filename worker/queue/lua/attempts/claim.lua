-- Give the next item of the worker's lanes to a new attempt. The reply is a list of names and values.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/item.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/rewind.lua
-- include: queue/lua/shared/scheduling.lua

local function claimed(item)
  local reply = {'ok', 'transitions', '[' .. item.transitions .. ']'}
  for _, name in ipairs({
    'id', 'kind', 'project', 'name', 'attempt_number', 'created_by', 'spec', 'recipe', 'checkpoint', 'stop', 'attempts',
    'later_settings', 'manifest', 'model_version', 'created_at', 'upload', 'source', 'expected_id', 'import_options', 'parent', 'note',
    'model', 'dataset', 'split', 'options', 'precision',
  }) do
    if item[name] then
      reply[#reply + 1] = name
      reply[#reply + 1] = item[name]
    end
  end
  return reply
end

local function next_item()
  local except = {}
  for _, item_id in ipairs(args.except) do except[item_id] = true end
  for _, lane in ipairs(args.lanes) do
    local item_id = next_item_id(lane, args.devices, args.schema_version, except)
    if item_id then return load_item(item_id) end
  end
end

-- A repetition after a lost reply: this attempt has claimed an item already.
local held_id = redis.call('GET', KEY.ATTEMPT .. args.attempt_id)
if held_id then return claimed(load_item(held_id)) end

local item = next_item()
if not item then return {'ok'} end

local at = now()
local status = item.stop and 'stopping' or 'running'
local from_epoch = tonumber(item.checkpoint_epoch or item.epochs_before or 0)
redis.call('SET', KEY.ATTEMPT .. args.attempt_id, item.id)
set_fields(item, {
  attempt = args.attempt_id, attempt_number = item.attempt_number + 1, worker = args.worker, attempt_started_at = at,
  from_epoch = from_epoch, renewals = 0, seq = 0, started_at = item.started_at or at,
  phase = item.manifest and 'publishing' or 'starting',
})
if item.kind == 'training' and not item.manifest then rewind(item, at, from_epoch) end
change_status(item, status, at)
emit_state(item, at)
return claimed(item)
