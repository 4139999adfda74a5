local job_id, at = unpack(ARGV)
local job = load_job(job_id)
if not job then return {'job_not_found', job_id} end
if job.status == 'cancelling' or job.status == 'cancelled' then return {'ok', job_json(job)} end
if TERMINAL[job.status] then return {'wrong_state', job_id, job.status, 'queued,running'} end
if job.manifest then return {'publishing', job_id} end

if job.status == 'queued' then
  end_job(job, 'cancelled', at)
else
  move(job, 'cancelling', at)
  emit_state(job, at)
end
return {'ok', job_json(job)}
