-- Functions about the attempt that holds a work item: the check before its writes (the fence), its JSON, and its end.
-- include: redis_server/lua/json.lua
-- include: queue/lua/shared/item.lua

-- The fence: only the attempt that holds the item may write. A refusal is the second result.
local function held_item()
  local item = load_item(args.item_id)
  if not item then return nil, {'job_not_found', args.item_id} end
  if item.attempt ~= args.attempt_id then return item, {'stale_attempt', args.item_id, args.attempt_id} end
  return item
end

local function attempt_json(item, ended_at, outcome)
  return '{"number":' .. item.attempt_number .. ',"worker":' .. item.worker
    .. ',"started_at":"' .. item.attempt_started_at .. '","ended_at":' .. quoted(ended_at)
    .. ',"outcome":' .. quoted(outcome) .. ',"from_epoch":' .. item.from_epoch .. '}'
end

-- `outcome` is recorded; `requested` is the outcome that the attempt asked for: the attempt repeats the request when
-- the reply was lost, and `has_ended` then recognises the repetition.
local function end_attempt(item, at, outcome, requested)
  redis.call('DEL', KEY.ATTEMPT .. item.attempt)
  set_fields(item, {
    attempts = appended(item.attempts, attempt_json(item, at, outcome)),
    ended_attempt = item.attempt .. ' ' .. requested,
  })
  clear_fields(item, 'attempt')
end

local function has_ended(item, requested)
  return item and item.ended_attempt == args.attempt_id .. ' ' .. requested
end
