-- Pause a job: at once when the job is queued, else by a flag that the attempt reads at its next renewal.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/item_json.lua
local item, refusal = requested_item()
if refusal then return refusal end
if item.status == 'pausing' or item.status == 'paused' then return {'ok', item_json(item)} end
if item.status ~= 'queued' and item.status ~= 'running' then
  return {'wrong_state', item.id, item.status, 'queued,running'}
end
if item.manifest then return {'publishing', item.id} end

local at = now()
change_status(item, HELD[item.status] and 'pausing' or 'paused', at)
emit_state(item, at)
return {'ok', item_json(item)}
