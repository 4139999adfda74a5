-- All that a reaper needs, read in one step: queued jobs, waiting wake-ups, and the lease of each running attempt.
local reply = {'ok', redis.call('ZCARD', KEY.QUEUE), redis.call('LLEN', KEY.WAKE_UPS)}
for status in pairs(HELD) do
  for _, job_id in ipairs(redis.call('ZRANGE', KEY.JOBS_BY_STATUS .. status, 0, -1)) do
    local lease = redis.call('HMGET', KEY.JOB .. job_id, 'attempt', 'renewals')
    if lease[1] then
      reply[#reply + 1] = job_id
      reply[#reply + 1] = lease[1]
      reply[#reply + 1] = lease[2]
    end
  end
end
return reply
