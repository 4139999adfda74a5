-- A page of work items, newest first: read the smallest index and keep the items that are in all indexes.
-- `budget` bounds the ids read, and so the time that Redis is blocked. The reply begins with the id to continue after.
-- include: queue/lua/shared/item.lua
-- include: queue/lua/shared/item_json.lua
local limit, after, budget, item_indexes = args.limit, args.after, args.budget, args.indexes

local smallest = item_indexes[1]
for _, index in ipairs(item_indexes) do
  if redis.call('ZCARD', index) < redis.call('ZCARD', smallest) then smallest = index end
end

local function is_in_all(item_id)
  for _, index in ipairs(item_indexes) do
    if index ~= smallest and not redis.call('ZSCORE', index, item_id) then return false end
  end
  return true
end

local reply = {'ok', ''}
local cursor = after == '' and '+' or '(' .. after
local ids_read = 0
while ids_read < budget do
  local ids = redis.call('ZRANGE', smallest, cursor, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit)
  for _, item_id in ipairs(ids) do
    local item = is_in_all(item_id) and load_item(item_id)
    if item then reply[#reply + 1] = item_json(item) end
    if #reply == limit + 2 then return reply end
    cursor = '(' .. item_id
  end
  if #ids < limit then return reply end
  ids_read = ids_read + #ids
end
reply[2] = cursor:sub(2)
return reply
