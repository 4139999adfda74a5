-- One job as JSON.
local job = load_job(ARGV[1])
if not job then return {'job_not_found', ARGV[1]} end
return {'ok', job_json(job)}
