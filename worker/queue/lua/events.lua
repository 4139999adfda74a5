local job_id, after, count = unpack(ARGV)
local stream = KEY.EVENTS .. job_id
if redis.call('EXISTS', KEY.JOB .. job_id) == 0 then return {'job_not_found', job_id} end

local function is_trimmed()
  local about = redis.call('XINFO', 'STREAM', stream)
  local known = {}
  for i = 1, #about, 2 do known[about[i]] = about[i + 1] end
  return known['entries-added'] > known['length']
end

local function is_there(from, to)
  return #redis.call('XRANGE', stream, from, to, 'COUNT', 1) > 0
end

-- What follows `after` is all there. An id among those kept that is not one of them is from a history that was
-- given up for an older one: by a restored backup, or a server that lost its end.
local function is_whole(after)
  if is_there('-', after) then return is_there(after, after) end
  return is_there(after, '+') and not is_trimmed()
end

local reply = {'ok', ''}
local from = '-'
if after ~= '' then
  if is_whole(after) then from = '(' .. after else reply[2] = 'reset' end
end
for _, entry in ipairs(redis.call('XRANGE', stream, from, '+', 'COUNT', count)) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
  reply[#reply + 1] = entry[2][4]
end
return reply
