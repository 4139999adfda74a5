-- End training early with the best epoch so far: a running attempt reads the flag at its next renewal, a later attempt
-- when it claims the job.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/job_json.lua
local job_id, at = args.job_id, now()
local job = load_job(job_id)
if not job then return {'job_not_found', job_id} end
if TERMINAL[job.status] or job.status == 'cancelling' then
  return {'wrong_state', job_id, job.status, 'paused,pausing,queued,running'}
end
if job.manifest then return {'publishing', job_id} end
if not job.stop and not job.metrics then return {'nothing_to_publish', job_id} end

set_fields(job, {stop = 'yes'})
local status = HELD[job.status] and 'stopping' or 'queued'
if status ~= job.status then
  change_status(job, status, at)
  emit_state(job, at)
end
return {'ok', job_json(job)}
