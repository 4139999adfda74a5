-- The commit point of publishing: assign the version. If this attempt dies, the next attempt writes the manifest.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/events.lua
local job_id, attempt_id, at, model_id, draft = args.job_id, args.attempt_id, now(), args.model_id, args.draft
local measured, finish_reason = args.measured, args.finish_reason

local job, refusal = held_job(job_id, attempt_id)
if refusal then return refusal end
if job.manifest then return {'ok', job.model_version, job.manifest} end
if job.status == 'cancelling' then return {'job_cancelled', job_id} end

local version = redis.call('HINCRBY', KEY.LAST_VERSIONS, job.name, 1)
set_fields(job, {
  phase = 'publishing', model_id = model_id, model_version = version, measured = measured,
  finish_reason = finish_reason,
  manifest = '{"version":' .. version .. ',' .. draft:sub(2),
})
emit_state(job, at)
return {'ok', version, job.manifest}
