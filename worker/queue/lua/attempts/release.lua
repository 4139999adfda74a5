-- End an attempt but not its job: the job is queued again, paused or cancelled; after too many deaths it fails.
-- A job past its commit point is always queued again: the next attempt completes the publish, also despite a pause.
-- A reaper passes `renewals`, the count that did not change for a whole lease; the attempt itself passes ''.
local job_id, attempt_id, outcome, at, renewals, death_error = unpack(ARGV)

local job, refusal = held_job(job_id, attempt_id)
if refusal then return has_ended(job, attempt_id, outcome) and {'ok', job.status} or refusal end
if renewals ~= '' and renewals ~= job.renewals then return {'stale_attempt', job_id, attempt_id} end

if job.status == 'cancelling' then
  end_attempt(job, at, 'cancelled', outcome)
  end_job(job, 'cancelled', at)
  return {'ok', job.status}
end

local deaths = tonumber(job.deaths) + (DEATHS[outcome] and 1 or 0)
local has_died_too_often = DEATHS[outcome] and deaths >= LIMIT.DEATHS and not job.manifest
local pauses = job.status == 'pausing' and not job.manifest
local status = has_died_too_often and 'failed' or pauses and 'paused' or 'queued'
refusal = transition_refusal(job, status)
if refusal then return refusal end

end_attempt(job, at, outcome, outcome)
set_fields(job, {deaths = deaths})
if has_died_too_often then
  set_fields(job, {error = death_error})
  end_job(job, status, at)
else
  clear_fields(job, 'phase')
  change_status(job, status, at)
  emit_state(job, at)
end
return {'ok', job.status}
