-- Deletes all that Redis keeps of one work item.
-- include: queue/lua/shared/item.lua

local function unlist(item)
  for _, index in ipairs(indexes(item)) do redis.call('ZREM', index, item.id) end
end

local function delete_item(item)
  unlist(item)
  redis.call('ZREM', KINDS[item.kind].by_status .. item.status, item.id)
  redis.call('SREM', KEY.ENDED_CHECKPOINTS, item.id)
  if item.waits_for then redis.call('SREM', KEY.WAITING .. item.waits_for, item.id) end
  for _, key in ipairs({KEY.ITEM, KEY.ROWS, KEY.BESTS, KEY.LOGS, KEY.EVENTS}) do redis.call('DEL', key .. item.id) end
end
