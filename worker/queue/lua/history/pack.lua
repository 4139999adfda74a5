-- Replace the history of an ended work item by its packed text. Nothing resumes the item, so its best epochs are dropped.
-- Does nothing when the item was deleted meanwhile. Two processes may pack the same history, which never changes.
-- include: queue/lua/shared/item.lua
local item = load_item(args.item_id)
if not item or not TERMINAL[item.status] then return {'ok'} end

for _, key in ipairs({KEY.ROWS, KEY.BESTS, KEY.LOGS, KEY.EVENTS}) do redis.call('DEL', key .. item.id) end
redis.call('HSET', KEY.ROWS .. item.id, 'packed', args.packed)
return {'ok'}
