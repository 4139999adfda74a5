-- One job as JSON.
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/job_json.lua
local job = load_job(args.job_id)
if not job then return {'job_not_found', args.job_id} end
return {'ok', job_json(job)}
