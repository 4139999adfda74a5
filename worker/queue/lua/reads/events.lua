-- The events of a work item after the event `after`; at most `count`. When some of them are no longer kept: `reset`, and
-- the events from the oldest one kept.
-- include: queue/lua/shared/item.lua
local after, stream = args.after, KEY.EVENTS .. args.item_id
local _, refusal = requested_item()
if refusal then return refusal end

local function is_trimmed()
  local flat = redis.call('XINFO', 'STREAM', stream)
  local info = {}
  for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
  return info['entries-added'] > info['length']
end

local function has_entry(from, to)
  return #redis.call('XRANGE', stream, from, to, 'COUNT', 1) > 0
end

-- True when all events after `after` are kept. An id that lies among the kept ids without being one of them is from a
-- history that no longer exists: a backup was restored, or the server lost its last writes.
local function is_complete(after)
  if has_entry('-', after) then return has_entry(after, after) end
  return has_entry(after, '+') and not is_trimmed()
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
