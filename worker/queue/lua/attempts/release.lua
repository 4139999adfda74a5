-- End an attempt but not its job: the job is queued again, paused or cancelled; after too many deaths it fails.
-- A job past its commit point is always queued again: the next attempt completes the publish, also despite a pause.
-- A reaper passes `renewals`, the count that did not change for a whole lease; the attempt itself passes none.
-- A job whose model is committed fails only after too many tries to publish the model, and waits between two tries.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua
local job_id, attempt_id, outcome, at, renewals = args.job_id, args.attempt_id, args.outcome, now(), args.renewals
local death_error, publish_error = args.death_error, args.publish_error

local job, refusal = held_job(job_id, attempt_id)
if refusal then return has_ended(job, attempt_id, outcome) and {'ok', job.status} or refusal end
if renewals and renewals ~= tonumber(job.renewals) then return {'stale_attempt', job_id, attempt_id} end

if job.status == 'cancelling' then
  end_attempt(job, at, 'cancelled', outcome)
  end_job(job, 'cancelled', at)
  return {'ok', job.status}
end

local is_death = DEATHS[outcome]
local deaths = tonumber(job.deaths) + (is_death and 1 or 0)
-- The death of a worker says nothing about storage, so it is no failed try.
local is_failed_publish = is_death and outcome ~= 'worker_lost' and job.manifest
local tries = tonumber(job.publish_tries or 0) + (is_failed_publish and 1 or 0)
local error
if is_death and not job.manifest and deaths >= LIMIT.DEATHS then error = death_error end
if is_failed_publish and tries >= LIMIT.PUBLISH_TRIES then error = publish_error end
local pauses = job.status == 'pausing' and not job.manifest
local status = error and 'failed' or pauses and 'paused' or 'queued'
refusal = transition_refusal(job, status)
if refusal then return refusal end

-- The files of a model that will never be published are deleted like those of a deleted model.
local function give_up_publishing()
  redis.call('SADD', KEY.RETIRED_MODELS, job.model_id)
  clear_fields(job, 'manifest', 'model_id', 'model_version', 'measured', 'finish_reason')
end

end_attempt(job, at, outcome, outcome)
set_fields(job, {deaths = deaths})
if error then
  if job.manifest then give_up_publishing() end
  set_fields(job, {error = error})
  end_job(job, status, at)
else
  clear_fields(job, 'phase')
  change_status(job, status, at)
  if is_failed_publish then
    set_fields(job, {publish_tries = tries})
    local delay_s = math.min(LIMIT.FIRST_PUBLISH_DELAY_S * 2 ^ (tries - 1), LIMIT.MAX_PUBLISH_DELAY_S)
    redis.call('HSET', KEY.NOT_BEFORE, job.id, unix_time_s() + delay_s)
  end
  emit_state(job, at)
end
return {'ok', job.status}
