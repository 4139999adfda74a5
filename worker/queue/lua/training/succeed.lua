-- End a job whose model is committed: register the model, and promote it if the job asks for it.
-- include: redis_server/lua/time.lua
-- include: redis_server/lua/model_entries.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua
local at = now()

local job, refusal = held_item()
if refusal then return has_ended(job, 'succeeded') and {'ok', job.status} or refusal end
refusal = transition_refusal(job, 'succeeded')
if refusal then return refusal end
if not job.manifest then return {'nothing_committed', job.id} end
local production = redis.call('HGET', scoped(job.project, KEY.ALIASES) .. job.name, 'production') or ''
local decision = args.decision
if decision and decision.expected ~= production then return {'alias_moved', job.name, 'production', production} end

end_attempt(job, at, job.finish_reason == 'stopped' and 'stopped' or 'succeeded', 'succeeded')
local model = '"model":{"id":"' .. job.model_id .. '","name":"' .. job.name .. '","version":' .. job.model_version .. '}'
-- The decision is a field of its own, because the first release refuses new fields of a result.
set_fields(job, {result = '{' .. job.measured:sub(2, -2) .. ',' .. model .. '}', promotion = decision and decision.json})
register_model(job.project, job.model_id, job.name, job.model_version, job.manifest)
local alias
local notes = ',"job_id":"' .. job.id .. '"' .. (decision and decision.gate or '')
if decision and decision.is_promoted or job.promote == 'first' and production == '' then
  alias = 'production'
  set_alias(job.project, job.name, alias, job.model_version, job.created_by, at, notes)
elseif decision then
  notes = notes .. ',"refused_version":' .. job.model_version
  note_alias(job.project, job.name, 'production', production, production, job.created_by, at, notes)
end
emit(job, at, 'model', model .. ',"alias":' .. quoted(alias))
-- The registry has the manifest now, and nothing resumes the job.
clear_fields(job, 'manifest', 'measured', 'checkpoint')
end_item(job, 'succeeded', at)
return {'ok', job.status}
