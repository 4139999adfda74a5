-- Renew the lease of an attempt: count the renewal; the returned status shows what the owner of the job requested.
local job_id, attempt_id = args.job_id, args.attempt_id
local known = redis.call('HMGET', KEY.JOB .. job_id, 'id', 'attempt', 'status')
if not known[1] then return {'job_not_found', job_id} end
if known[2] ~= attempt_id then return {'stale_attempt', job_id, attempt_id} end
redis.call('HINCRBY', KEY.JOB .. job_id, 'renewals', 1)
return {'ok', known[3]}
