-- Put a paused job back into the queue.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/job_json.lua
local job_id, at = args.job_id, now()
local job = load_job(job_id)
if not job then return {'job_not_found', job_id} end
if job.status ~= 'paused' then return {'wrong_state', job_id, job.status, 'paused'} end

change_status(job, 'queued', at)
emit_state(job, at)
return {'ok', job_json(job)}
