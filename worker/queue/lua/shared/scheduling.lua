-- All ordering of queued work: the place of an item in its lane, the next item for a worker, and an item's position.
--
-- The queue of a lane holds every queued item in order; earlier releases read and write it too. For claims, each item is
-- also in one of these: FITTING (by number of devices) when it is due, LATER while it may not be claimed yet.
-- include: redis_server/lua/time.lua
local MAX_DEVICES, PAGE = 16, 50
local WAITS_S = 4102444800 -- the year 2100: an item that waits for a dataset is due when the dataset is ready

local function queue_of(item)
  return LANES[KINDS[item.kind].lane].queue
end

local function fitting_key(lane, devices)
  return KEY.FITTING .. lane .. ':' .. devices
end

-- Items of a higher priority first, then in the order of submission; a requeued item gets its former place again.
local function order_of(item)
  return tonumber(item.submitted) - tonumber(item.priority or 0) * 2 ^ 40
end

-- Put an item into its lane, to be claimed after `delay_s`; one that waits for a dataset is due when it waits no longer.
local function enqueue(item, delay_s)
  local lane = KINDS[item.kind].lane
  redis.call('ZADD', LANES[lane].queue, order_of(item), item.id)
  if item.gpus then redis.call('HSET', KEY.WIDE, item.id, item.gpus) end
  if delay_s or item.waits_for then
    local due_s = item.waits_for and WAITS_S or unix_time_s() + delay_s
    redis.call('HSET', KEY.NOT_BEFORE, item.id, due_s)
    redis.call('ZADD', KEY.LATER .. lane, due_s, item.id)
  else
    redis.call('ZADD', fitting_key(lane, item.gpus or 1), order_of(item), item.id)
  end
end

local function dequeue(item)
  local lane = KINDS[item.kind].lane
  redis.call('ZREM', LANES[lane].queue, item.id)
  redis.call('ZREM', fitting_key(lane, item.gpus or 1), item.id)
  redis.call('ZREM', KEY.LATER .. lane, item.id)
  redis.call('HDEL', KEY.WIDE, item.id)
  redis.call('HDEL', KEY.NOT_BEFORE, item.id)
end

-- 1 for the head of the queue; nil for an item that is not in its queue, or that waits for a dataset.
local function position_of(item)
  if item.waits_for then return nil end
  local rank = redis.call('ZRANK', queue_of(item), item.id)
  return rank and rank + 1
end

local function make_due(lane, now_s)
  for _, item_id in ipairs(redis.call('ZRANGEBYSCORE', KEY.LATER .. lane, '-inf', now_s, 'LIMIT', 0, PAGE)) do
    redis.call('ZREM', KEY.LATER .. lane, item_id)
    local order = redis.call('ZSCORE', LANES[lane].queue, item_id)
    if order then
      redis.call('ZADD', fitting_key(lane, redis.call('HGET', KEY.WIDE, item_id) or 1), order, item_id)
    end
  end
end

-- True when an earlier release, a restore or a lost record changed the queue alone.
local function is_outdated(lane)
  local counted = redis.call('ZCARD', KEY.LATER .. lane)
  for devices = 1, MAX_DEVICES do counted = counted + redis.call('ZCARD', fitting_key(lane, devices)) end
  return counted ~= redis.call('ZCARD', LANES[lane].queue)
end

local function rebuild(lane)
  redis.call('DEL', KEY.LATER .. lane)
  for devices = 1, MAX_DEVICES do redis.call('DEL', fitting_key(lane, devices)) end
  local queued = redis.call('ZRANGE', LANES[lane].queue, 0, -1, 'WITHSCORES')
  for i = 1, #queued, 2 do
    local item_id, order = queued[i], queued[i + 1]
    local due_s = redis.call('HGET', KEY.NOT_BEFORE, item_id)
    if due_s then
      redis.call('ZADD', KEY.LATER .. lane, due_s, item_id)
    else
      redis.call('ZADD', fitting_key(lane, redis.call('HGET', KEY.WIDE, item_id) or 1), order, item_id)
    end
  end
end

-- An id without the record of a queued item is dropped: it would block the items behind it.
local function drop(lane, devices, item_id)
  redis.call('ZREM', fitting_key(lane, devices), item_id)
  redis.call('ZREM', LANES[lane].queue, item_id)
  redis.call('HDEL', KEY.WIDE, item_id)
end

-- The first item that needs exactly `devices` devices and that the worker can read, with its order.
local function first_fitting(lane, devices, schema_version, except)
  local key, from = fitting_key(lane, devices), 0
  while true do
    local page = redis.call('ZRANGE', key, from, from + PAGE - 1, 'WITHSCORES')
    if #page == 0 then return nil end
    for i = 1, #page, 2 do
      local item_id = page[i]
      local fields = redis.call('HMGET', KEY.ITEM .. item_id, 'status', 'schema_version', 'waits_for', 'kind')
      if fields[1] ~= 'queued' then
        drop(lane, devices, item_id)
      elseif tonumber(fields[2] or 1) > schema_version or fields[3] or except[item_id]
        or not KINDS[fields[4] or 'training'] then
        from = from + 1
      else
        return item_id, tonumber(page[i + 1])
      end
    end
  end
end

-- True when a queued item near an end of the queue is in no other set: since the last claim an earlier release queued it,
-- and took as many others from the queue.
local function misses_item(lane, devices)
  for _, range in ipairs({{0, PAGE - 1}, {-PAGE, -1}}) do
    local item_ids = redis.call('ZRANGE', LANES[lane].queue, range[1], range[2])
    local widths = #item_ids > 0 and redis.call('HMGET', KEY.WIDE, unpack(item_ids))
    for i, item_id in ipairs(item_ids) do
      local width = tonumber(widths[i] or 1)
      if width <= devices and not redis.call('ZSCORE', fitting_key(lane, width), item_id)
        and not redis.call('ZSCORE', KEY.LATER .. lane, item_id) then return true end
    end
  end
  return false
end

local function first_of_all(lane, devices, schema_version, except)
  local next_id, next_order
  for count = 1, math.min(devices, MAX_DEVICES) do
    local item_id, order = first_fitting(lane, count, schema_version, except)
    if item_id and (not next_order or order < next_order) then next_id, next_order = item_id, order end
  end
  return next_id
end

-- The id of the first item of a lane that is due and needs at most `devices` devices; nil when there is none.
-- `except` is a set of ids that the worker has failed to read.
local function next_item_id(lane, devices, schema_version, except)
  if is_outdated(lane) then rebuild(lane) end
  make_due(lane, unix_time_s())
  local next_id = first_of_all(lane, devices, schema_version, except)
  if next_id or not misses_item(lane, devices) then return next_id end
  rebuild(lane)
  return first_of_all(lane, devices, schema_version, except)
end
