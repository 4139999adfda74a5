-- Of each final status: the jobs with the oldest ids, if they ended before a time. Times compare as text.
local before, limit = args.before, args.limit
local reply = {'ok'}
for status in pairs(TERMINAL) do
  for _, job_id in ipairs(redis.call('ZRANGE', KEY.JOBS_BY_STATUS .. status, 0, limit - 1)) do
    local finished_at = redis.call('HGET', KEY.JOB .. job_id, 'finished_at')
    if finished_at and finished_at < before then reply[#reply + 1] = job_id end
  end
end
return reply
