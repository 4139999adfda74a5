-- Delete the record of a job that has ended, and whose checkpoints the caller has deleted.
-- include: queue/lua/shared/job_record.lua
local job_id = args.job_id
local job = load_job(job_id)
if not job then return {'job_not_found', job_id} end
if not TERMINAL[job.status] then return {'wrong_state', job_id, job.status, 'cancelled,failed,succeeded'} end

for _, index in ipairs(indexes(job)) do redis.call('ZREM', index, job_id) end
redis.call('ZREM', KEY.JOBS_BY_STATUS .. job.status, job_id)
redis.call('SREM', KEY.ENDED_CHECKPOINTS, job_id)
for _, key in ipairs({KEY.JOB, KEY.ROWS, KEY.BESTS, KEY.LOGS, KEY.EVENTS}) do redis.call('DEL', key .. job_id) end
return {'ok'}
