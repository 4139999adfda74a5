-- Put a paused job back into the queue.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/item_json.lua
local item, refusal = requested_item()
if refusal then return refusal end
if item.status ~= 'paused' then return {'wrong_state', item.id, item.status, 'paused'} end

local at = now()
change_status(item, 'queued', at)
emit_state(item, at)
return {'ok', item_json(item)}
