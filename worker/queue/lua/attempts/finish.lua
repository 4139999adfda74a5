-- End a job with its attempt. A success registers the committed model.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua
-- include: redis_server/lua/model_entries.lua
local job_id, attempt_id, outcome, at, job_error = args.job_id, args.attempt_id, args.outcome, now(), args.job_error

local job, refusal = held_job(job_id, attempt_id)
if refusal then return has_ended(job, attempt_id, outcome) and {'ok', job.status} or refusal end

local status = outcome
if job.status == 'cancelling' and outcome == 'failed' then status = 'cancelled' end
refusal = transition_refusal(job, status)
if refusal then return refusal end
if status == 'failed' and job.manifest then return {'publishing', job_id} end
if status == 'succeeded' and not job.manifest then return {'nothing_committed', job_id} end

end_attempt(job, at, job.finish_reason == 'stopped' and 'stopped' or status, outcome)
if status == 'succeeded' then
  local model = '"model":{"id":"' .. job.model_id .. '","name":"' .. job.name
    .. '","version":' .. job.model_version .. '}'
  set_fields(job, {result = '{' .. job.measured:sub(2, -2) .. ',' .. model .. '}'})
  register_model(job.model_id, job.name, job.model_version, job.manifest)
  local alias
  if job.promote == 'first' and redis.call('HEXISTS', KEY.ALIASES .. job.name, 'production') == 0 then
    alias = 'production'
    set_alias(job.name, alias, job.model_version, job.created_by, at)
  end
  emit(job, at, 'model', model .. ',"alias":' .. quoted(alias))
elseif status == 'failed' then
  set_fields(job, {error = job_error})
end
end_job(job, status, at)
return {'ok', job.status}
