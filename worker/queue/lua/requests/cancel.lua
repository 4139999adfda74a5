-- Cancel a work item: at once when no attempt holds the item, else by a flag that the attempt reads at its next renewal.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/item_json.lua
local item, refusal = requested_item()
if refusal then return refusal end
if item.status == 'cancelling' or item.status == 'cancelled' then return {'ok', item_json(item)} end
if TERMINAL[item.status] then return {'wrong_state', item.id, item.status, 'paused,pausing,queued,running,stopping'} end
if item.manifest then return {'publishing', item.id} end

local at = now()
if HELD[item.status] then
  change_status(item, 'cancelling', at)
  emit_state(item, at)
else
  end_item(item, 'cancelled', at)
end
return {'ok', item_json(item)}
