-- The commit point of publishing: assign the version and the time. If this attempt dies, the next attempt writes the
-- manifest.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/events.lua
local job, refusal = held_item()
if refusal then return refusal end
if job.manifest then return {'ok', job.model_version, job.manifest} end
if job.status == 'cancelling' then return {'job_cancelled', job.id} end

local version = redis.call('HINCRBY', scoped(job.project, KEY.LAST_VERSIONS), job.name, 1)
local at = now()
local is_new_phase = job.phase ~= 'publishing' -- the trainer reports the phase before it stages the model
set_fields(job, {
  phase = 'publishing', model_id = args.model_id, model_version = version, measured = args.measured,
  finish_reason = args.finish_reason, later_finish_reason = args.later_finish_reason,
  later_result = args.later_result,
  manifest = '{"version":' .. version .. ',"created_at":"' .. at .. '",' .. args.draft:sub(2),
})
if args.warning ~= '' and not string.find(job.warnings, args.warning, 1, true) then
  local others = job.warnings:sub(2, -2)
  set_fields(job, {warnings = '[' .. others .. (others ~= '' and ',' or '') .. args.warning .. ']'})
end
if is_new_phase then emit_state(job, at) end
return {'ok', version, job.manifest}
