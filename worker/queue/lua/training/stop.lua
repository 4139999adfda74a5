-- End training early with the best epoch so far: a running attempt reads the flag at its next renewal, a later attempt
-- when it claims the job.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/item_json.lua
local job, refusal = requested_item()
if refusal then return refusal end
if TERMINAL[job.status] or job.status == 'cancelling' then
  return {'wrong_state', job.id, job.status, 'paused,pausing,queued,running'}
end
if job.manifest then return {'publishing', job.id} end
if not job.stop and not job.metrics then return {'nothing_to_publish', job.id} end

set_fields(job, {stop = 'yes'})
local status, at = HELD[job.status] and 'stopping' or 'queued', now()
if status ~= job.status then
  change_status(job, status, at)
  emit_state(job, at)
end
return {'ok', item_json(job)}
