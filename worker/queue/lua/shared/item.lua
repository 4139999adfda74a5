-- Reads and writes the hash of one work item. Scripts hold the hash as a Lua table `item`: field → text.
-- Rule for every script: check all refusals before the first write, because Redis does not roll back.
-- include: redis_server/lua/project.lua

-- Records of earlier releases have no kind, project or schema version: they are trainings of the default project.
local function load_item(item_id)
  local flat = redis.call('HGETALL', KEY.ITEM .. item_id)
  if #flat == 0 then return nil end
  local item = {kind = 'training', project = 'default'}
  for i = 1, #flat, 2 do item[flat[i]] = flat[i + 1] end
  if not KINDS[item.kind] then return nil end -- only a later release can do anything with this kind
  return item
end

-- The item that a user names: an item of another project, or one that its owner deleted, does not exist for the user.
-- Upkeep names no project.
local function requested_item()
  local item = load_item(args.item_id)
  if item and (not args.project or (item.project == args.project and not item.is_deleted)) then return item end
  return nil, {'job_not_found', args.item_id}
end

local function set_fields(item, fields)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
    item[name] = tostring(value)
  end
  redis.call('HSET', KEY.ITEM .. item.id, unpack(flat))
end

local function clear_fields(item, ...)
  redis.call('HDEL', KEY.ITEM .. item.id, ...)
  for _, name in ipairs({...}) do item[name] = nil end
end

-- The indexes that list an item from submission to deletion. The indexes by status change with the status.
local function indexes(item)
  local keys = {scoped(item.project, KINDS[item.kind].list)}
  if item.kind == 'training' then
    keys[#keys + 1] = scoped(item.project, KEY.JOBS_BY_NAME) .. item.name
    keys[#keys + 1] = scoped(item.project, KEY.JOBS_BY_DATASET) .. item.dataset
    for _, tag in ipairs(cjson.decode(item.tags)) do
      keys[#keys + 1] = scoped(item.project, KEY.JOBS_BY_TAG) .. tag
    end
  elseif item.kind == 'evaluation' then
    keys[#keys + 1] = scoped(item.project, KEY.EVALUATIONS_OF_MODEL) .. item.model
  elseif item.kind == 'batch_prediction' then
    keys[#keys + 1] = scoped(item.project, KEY.PREDICTIONS_OF_MODEL) .. item.model
  end
  return keys
end
