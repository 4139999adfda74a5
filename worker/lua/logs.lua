local job_id, tail = unpack(ARGV)
if redis.call('EXISTS', KEY.JOB .. job_id) == 0 then return {'job_not_found', job_id} end
local reply = {'ok'}
if tonumber(tail) > 0 then
  for _, line in ipairs(redis.call('LRANGE', KEY.LOGS .. job_id, -tail, -1)) do reply[#reply + 1] = line end
end
return reply
