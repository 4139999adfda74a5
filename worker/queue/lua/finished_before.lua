-- Of each way to end the oldest jobs by id, those that ended before a time. Times are text of one form.
local before, limit = unpack(ARGV)
local reply = {'ok'}
for status in pairs(TERMINAL) do
  for _, job_id in ipairs(redis.call('ZRANGE', KEY.JOBS_BY_STATUS .. status, 0, limit - 1)) do
    if redis.call('HGET', KEY.JOB .. job_id, 'finished_at') < before then reply[#reply + 1] = job_id end
  end
end
return reply
