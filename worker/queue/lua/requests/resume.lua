-- Put a paused job back into the queue.
local job_id, at = unpack(ARGV)
local job = load_job(job_id)
if not job then return {'job_not_found', job_id} end
if job.status ~= 'paused' then return {'wrong_state', job_id, job.status, 'paused'} end

change_status(job, 'queued', at)
emit_state(job, at)
return {'ok', job_json(job)}
