-- The events of a work item after the event `after`; at most `count`. When some of them are no longer kept: `reset`, and
-- the events from the oldest one kept. Of a packed history: `packed`, and the whole of it.
-- include: queue/lua/shared/item.lua
-- include: queue/lua/shared/history.lua
local after, stream = args.after, KEY.EVENTS .. args.item_id
local _, refusal = requested_item()
if refusal then return refusal end

local packed = packed_history(args.item_id)
if packed then return {'ok', 'packed', packed} end

local function has_entry(from, to)
  return #redis.call('XRANGE', stream, from, to, 'COUNT', 1) > 0
end

-- True when all events after `after` are kept. An id that lies among the kept ids without being one of them is from a
-- history that no longer exists: a backup was restored, or the server lost its last writes.
local function is_complete(after)
  if has_entry('-', after) then return has_entry(after, after) end
  return has_entry(after, '+') and not is_trimmed(stream)
end

local reply = {'ok', ''}
local from = '-'
if after ~= '' then
  if is_complete(after) then from = '(' .. after else reply[2] = 'reset' end
end
for _, entry in ipairs(redis.call('XRANGE', stream, from, '+', 'COUNT', args.count)) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
  reply[#reply + 1] = entry[2][4]
end
return reply
