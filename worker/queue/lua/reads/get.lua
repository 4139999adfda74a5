-- One work item as JSON.
-- include: queue/lua/shared/item_json.lua
local item, refusal = requested_item()
if refusal then return refusal end
return {'ok', item_json(item)}
