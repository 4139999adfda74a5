local attempt_id, worker, at = unpack(ARGV)

local function claimed(job)
  local reply = {'ok', job.id, job.attempt_number, job.spec, job.created_by, job.checkpoint or '', job.stop or ''}
  if job.manifest then
    reply[8] = job.model_version
    reply[9] = job.manifest
  end
  return reply
end

-- The same claim again, after a lost reply.
local held_id = redis.call('GET', KEY.ATTEMPT .. attempt_id)
if held_id then return claimed(load_job(held_id)) end

local job_id = redis.call('ZRANGE', KEY.QUEUE, 0, 0)[1]
if not job_id then return {'ok'} end

local job = load_job(job_id)
local status = job.stop and 'stopping' or 'running'
local refusal = illegal(job, status)
if refusal then return refusal end

local from_epoch = tonumber(job.checkpoint_epoch or 0)
redis.call('SET', KEY.ATTEMPT .. attempt_id, job_id)
set(job, {
  attempt = attempt_id, attempt_number = job.attempt_number + 1, worker = worker, attempt_started_at = at,
  from_epoch = from_epoch, renewals = 0, seq = 0, started_at = job.started_at or at,
  phase = job.manifest and 'publishing' or 'starting',
})
if not job.manifest then rewind(job, at, from_epoch) end
move(job, status, at)
emit_state(job, at)
return claimed(job)
