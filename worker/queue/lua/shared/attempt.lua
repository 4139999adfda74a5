-- Functions about the attempt that holds a job: the check before its writes (the fence), its JSON, and ending it.
-- include: redis_server/lua/json.lua
-- include: queue/lua/shared/job_record.lua

-- The fence: only the attempt that holds the job may write. A refusal is the second result.
local function held_job(job_id, attempt_id)
  local job = load_job(job_id)
  if not job then return nil, {'job_not_found', job_id} end
  if job.attempt ~= attempt_id then return job, {'stale_attempt', job_id, attempt_id} end
  return job
end

local function attempt_json(job, ended_at, outcome)
  return '{"number":' .. job.attempt_number .. ',"worker":' .. job.worker
    .. ',"started_at":"' .. job.attempt_started_at .. '","ended_at":' .. quoted(ended_at)
    .. ',"outcome":' .. quoted(outcome) .. ',"from_epoch":' .. job.from_epoch .. '}'
end

-- `outcome` is recorded; `requested` is the outcome that the attempt asked for: the attempt repeats the request when
-- the reply was lost, and `has_ended` then recognises the repetition.
local function end_attempt(job, at, outcome, requested)
  redis.call('DEL', KEY.ATTEMPT .. job.attempt)
  set_fields(job, {
    attempts = appended(job.attempts, attempt_json(job, at, outcome)),
    ended_attempt = job.attempt .. ' ' .. requested,
  })
  clear_fields(job, 'attempt')
end

local function has_ended(job, attempt_id, requested)
  return job and job.ended_attempt == attempt_id .. ' ' .. requested
end
