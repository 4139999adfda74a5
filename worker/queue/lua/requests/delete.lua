-- Delete the record of a work item that has ended, and whose checkpoints the caller has deleted.
-- include: queue/lua/shared/item.lua
local item, refusal = requested_item()
if refusal then return refusal end
if not TERMINAL[item.status] then return {'wrong_state', item.id, item.status, 'cancelled,failed,succeeded'} end

for _, index in ipairs(indexes(item)) do redis.call('ZREM', index, item.id) end
redis.call('ZREM', KINDS[item.kind].by_status .. item.status, item.id)
redis.call('SREM', KEY.ENDED_CHECKPOINTS, item.id)
for _, key in ipairs({KEY.ITEM, KEY.ROWS, KEY.BESTS, KEY.LOGS, KEY.EVENTS}) do redis.call('DEL', key .. item.id) end
return {'ok'}
