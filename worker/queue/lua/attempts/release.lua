-- End an attempt but not its item: the item is queued again, paused or cancelled; after too many deaths it fails.
-- A job past its commit point is always queued again: the next attempt completes the publish, also despite a pause.
-- A reaper passes `renewals`, the count that did not change for a whole lease; the attempt itself passes none.
-- A job whose model is committed fails only after too many tries to publish the model, and waits between two tries.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua
local outcome, at = args.outcome, now()

local item, refusal = held_item()
if refusal then return has_ended(item, outcome) and {'ok', item.status} or refusal end
if args.renewals and args.renewals ~= tonumber(item.renewals) then
  return {'stale_attempt', item.id, args.attempt_id}
end

if item.status == 'cancelling' then
  end_attempt(item, at, 'cancelled', outcome)
  end_item(item, 'cancelled', at)
  return {'ok', item.status}
end

local is_death = DEATHS[outcome]
-- The progress of a batch prediction is what storage holds: an attempt that added to it was no attempt in vain.
local has_advanced = item.kind == 'batch_prediction' and item.progress ~= item.progress_at_death
local deaths = (has_advanced and 0 or tonumber(item.deaths)) + (is_death and 1 or 0)
-- The death of a worker says nothing about storage, so it is no failed try.
local is_failed_publish = is_death and outcome ~= 'worker_lost' and item.manifest
local tries = tonumber(item.publish_tries or 0) + (is_failed_publish and 1 or 0)
local error
if is_death and not item.manifest and deaths >= LIMIT.DEATHS then error = args.death_errors[item.kind] end
if is_failed_publish and tries >= LIMIT.PUBLISH_TRIES then error = args.publish_error end
local pauses = item.status == 'pausing' and not item.manifest
local status = error and 'failed' or pauses and 'paused' or 'queued'
refusal = transition_refusal(item, status)
if refusal then return refusal end

-- The files of a model that will never be published are deleted like those of a deleted model.
local function give_up_publishing()
  redis.call('SADD', scoped(item.project, KEY.RETIRED_MODELS), item.model_id)
  clear_fields(item, 'manifest', 'model_id', 'model_version', 'measured', 'finish_reason', 'later_finish_reason',
    'later_result')
end

end_attempt(item, at, outcome, outcome)
set_fields(item, {deaths = deaths, progress_at_death = has_advanced and is_death and item.progress or nil})
if error then
  if item.manifest then give_up_publishing() end
  set_fields(item, {error = error})
  end_item(item, status, at)
else
  clear_fields(item, 'phase')
  local delay_s
  if is_failed_publish then
    set_fields(item, {publish_tries = tries})
    delay_s = math.min(LIMIT.FIRST_PUBLISH_DELAY_S * 2 ^ (tries - 1), LIMIT.MAX_PUBLISH_DELAY_S)
  end
  change_status(item, status, at, delay_s)
  emit_state(item, at)
end
return {'ok', item.status}
