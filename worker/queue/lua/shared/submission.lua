-- Creates a work item at the end of its lane's queue.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/item_json.lua
-- include: queue/lua/shared/idempotency.lua

-- A refusal, when the lane's queue is full.
local function queue_refusal(kind)
  if redis.call('ZCARD', LANES[KINDS[kind].lane].queue) >= args.queue_limit then
    return {'queue_full', args.queue_limit}
  end
end

-- Create the item from the fields of its kind; reply with its id and JSON, and keep the reply for the Idempotency-Key.
local function create_item(kind, own_fields)
  local at = now()
  note_project(args.project)
  local item = {
    id = args.item_id, kind = kind, project = args.project, schema_version = args.schema_version,
    priority = args.priority, name = args.name, created_by = args.created_by, created_at = at,
    submitted = redis.call('INCR', KEY.SUBMITTED), attempt_number = 0, deaths = 0,
  }
  for name, value in pairs(own_fields) do item[name] = value end
  move_to_status(item, 'queued', at)
  for _, index in ipairs(indexes(item)) do redis.call('ZADD', index, 0, item.id) end
  append_event(item, at, 'state', state_body(item))
  set_fields(item, item) -- all at once: each write of a record costs as much as another command

  local answer = item_json(item)
  if args.idempotency_id ~= '' then
    local key = KEY.IDEMPOTENCY .. args.idempotency_id
    redis.call('HSET', key, 'body_hash', args.body_hash, 'job_id', item.id, 'answer', answer)
    redis.call('EXPIRE', key, args.keep_s)
  end
  return {'ok', item.id, answer, ''}
end
