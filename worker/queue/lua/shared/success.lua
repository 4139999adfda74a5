-- The end of an item whose result is in storage and in one field of its record.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua

-- End the item with `args.result`, unless its model is being deleted and `needs_model` says that the result is worth
-- nothing without it.
local function succeed(needs_model)
  local item, refusal = held_item()
  if refusal then return has_ended(item, 'succeeded') and {'ok', item.status} or refusal end
  refusal = transition_refusal(item, 'succeeded')
  if refusal then return refusal end
  if needs_model and not redis.call('ZSCORE', scoped(item.project, KEY.MODELS), item.model) then
    return {'model_not_found', item.model}
  end

  local at = now()
  end_attempt(item, at, 'succeeded', 'succeeded')
  set_fields(item, {result = args.result})
  end_item(item, 'succeeded', at)
  return {'ok', item.status}
end
