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

-- What follows `after` is all there: nothing of it was trimmed, and the stream has not lost its own end.
local function is_whole(after)
  return (is_there('-', after) or not is_trimmed()) and is_there(after, '+')
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
