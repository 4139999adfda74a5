-- The history of an ended work item: whether events were dropped, the number of words that follow of events and of rows,
-- then those words and the log lines. Nothing of an item that has not ended or is packed, or whose history is too large.
-- include: queue/lua/shared/item.lua
-- include: queue/lua/shared/history.lua
local PAGE = 500
local item, stream = load_item(args.item_id), KEY.EVENTS .. args.item_id
if not item or not TERMINAL[item.status] or redis.call('EXISTS', stream) == 0 or packed_history(item.id) then
  return {'ok'}
end

local reply, bytes, from = {'ok', is_trimmed(stream) and 'trimmed' or '', 0, 0}, 0, '-'
local function add(word)
  reply[#reply + 1] = word
  bytes = bytes + #word
end

repeat
  local page = redis.call('XRANGE', stream, from, '+', 'COUNT', PAGE)
  for _, entry in ipairs(page) do
    add(entry[1])
    add(entry[2][2])
    add(entry[2][4])
    from = '(' .. entry[1]
  end
  if bytes > LIMIT.PACKED_BYTES then return {'ok'} end
until #page < PAGE
reply[3] = #reply - 4

for _, word in ipairs(redis.call('HGETALL', KEY.ROWS .. item.id)) do add(word) end
reply[4] = #reply - 4 - reply[3]
for _, line in ipairs(redis.call('LRANGE', KEY.LOGS .. item.id, 0, -1)) do add(line) end
return bytes > LIMIT.PACKED_BYTES and {'ok'} or reply
