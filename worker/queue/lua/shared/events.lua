-- Appends events to the stream of the work item and to the feed of all work items.
-- include: redis_server/lua/json.lua

local function event_data(item, at, body)
  return '{"' .. KINDS[item.kind].subject .. '":"' .. item.id .. '","at":"' .. at .. '",' .. body .. '}'
end

local function add_to_feed(item, id, kind, data)
  redis.call('XADD', KEY.FEED, 'MAXLEN', '~', LIMIT.FEED_EVENTS, '*',
    'job', item.id, 'id', id, 'event', kind, 'data', data, 'project', item.project)
end

-- The caller writes the item's new `last_event`.
local function append_event(item, at, kind, body)
  local data = event_data(item, at, body)
  local id = redis.call('XADD', KEY.EVENTS .. item.id, 'MAXLEN', '~', LIMIT.JOB_EVENTS, '*',
    'event', kind, 'data', data)
  item.last_event = id
  add_to_feed(item, id, kind, data)
end

local function emit(item, at, kind, body)
  append_event(item, at, kind, body)
  redis.call('HSET', KEY.ITEM .. item.id, 'last_event', item.last_event)
end

-- For items whose last event an earlier release wrote.
local function last_event_id(item)
  local last = redis.call('XREVRANGE', KEY.EVENTS .. item.id, '+', '-', 'COUNT', 1)[1]
  return last and last[1] or '0-0'
end

-- Progress goes to the feed alone: the record has the latest, and it was nine tenths of the bytes of a finished job.
-- It has no id in the item's stream; the feed names the last event before it, which tells its place among the others.
local function emit_progress(item, at, body)
  add_to_feed(item, item.last_event or last_event_id(item), 'progress', event_data(item, at, body))
end

local function state_body(item)
  local body = '"status":"' .. item.status .. '","phase":' .. quoted(item.phase)
  if item.status == 'queued' and item.waits_for then body = body .. ',"queued_reason":"waiting_for_dataset"' end
  if item.error then body = body .. ',"error":' .. item.error end
  return body
end

local function emit_state(item, at)
  emit(item, at, 'state', state_body(item))
end
