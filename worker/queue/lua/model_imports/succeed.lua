-- End the import of a model whose manifest is in storage: register the model. No alias moves.
-- include: redis_server/lua/time.lua
-- include: redis_server/lua/model_entries.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua
local at = now()

local item, refusal = held_item()
if refusal then return has_ended(item, 'succeeded') and {'ok', item.status} or refusal end
refusal = transition_refusal(item, 'succeeded')
if refusal then return refusal end
if not item.manifest then return {'nothing_committed', item.id} end

end_attempt(item, at, 'succeeded', 'succeeded')
local model = '"model":{"id":"' .. item.model_id .. '","name":"' .. item.name .. '","version":' .. item.model_version .. '}'
set_fields(item, {result = '{' .. model .. '}'})
register_model(item.project, item.model_id, item.name, item.model_version, item.manifest)
emit(item, at, 'model', model .. ',"alias":null')
clear_fields(item, 'manifest') -- the registry has it now
end_item(item, 'succeeded', at)
return {'ok', item.status}
