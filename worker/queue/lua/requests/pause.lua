-- Pause a job: at once when the job is queued, else by a flag that the attempt reads at its next renewal.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/job_json.lua
local job_id, at = args.job_id, now()
local job = load_job(job_id)
if not job then return {'job_not_found', job_id} end
if job.status == 'pausing' or job.status == 'paused' then return {'ok', job_json(job)} end
if job.status ~= 'queued' and job.status ~= 'running' then
  return {'wrong_state', job_id, job.status, 'queued,running'}
end
if job.manifest then return {'publishing', job_id} end

change_status(job, HELD[job.status] and 'pausing' or 'paused', at)
emit_state(job, at)
return {'ok', job_json(job)}
