-- Cancel a job: at once when no attempt holds the job, else by a flag that the attempt reads at its next renewal.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/job_json.lua
local job_id, at = args.job_id, now()
local job = load_job(job_id)
if not job then return {'job_not_found', job_id} end
if job.status == 'cancelling' or job.status == 'cancelled' then return {'ok', job_json(job)} end
if TERMINAL[job.status] then return {'wrong_state', job_id, job.status, 'paused,pausing,queued,running,stopping'} end
if job.manifest then return {'publishing', job_id} end

if HELD[job.status] then
  change_status(job, 'cancelling', at)
  emit_state(job, at)
else
  end_job(job, 'cancelled', at)
end
return {'ok', job_json(job)}
