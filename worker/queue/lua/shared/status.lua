-- Changes the status of a job as the table TRANSITIONS allows.
-- include: redis_server/lua/json.lua
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/events.lua

local function statuses_before(status)
  local names = {}
  for name, successors in pairs(TRANSITIONS) do
    if successors[status] then names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, ',')
end

-- The refusal of a change that TRANSITIONS does not have; nil when the change is allowed.
local function transition_refusal(job, status)
  if TRANSITIONS[job.status][status] then return nil end
  return {'wrong_state', job.id, job.status, statuses_before(status)}
end

local function change_status(job, status, at)
  redis.call('ZREM', KEY.JOBS_BY_STATUS .. job.status, job.id)
  redis.call('ZADD', KEY.JOBS_BY_STATUS .. status, 0, job.id)
  if status == 'queued' then
    redis.call('ZADD', KEY.QUEUE, job.submitted, job.id)
    if job.gpus then redis.call('HSET', KEY.WIDE, job.id, job.gpus) end
  else
    redis.call('ZREM', KEY.QUEUE, job.id)
    redis.call('HDEL', KEY.WIDE, job.id)
    redis.call('HDEL', KEY.NOT_BEFORE, job.id)
  end
  local transition = '{"status":"' .. status .. '","at":"' .. at .. '"}'
  set_fields(job, {status = status, transitions = appended(job.transitions, transition)})
end

-- Nothing resumes an ended job: an upkeep thread deletes its checkpoints, which need an attempt to exist.
local function end_job(job, status, at)
  if tonumber(job.attempt_number) > 0 then redis.call('SADD', KEY.ENDED_CHECKPOINTS, job.id) end
  clear_fields(job, 'phase')
  set_fields(job, {finished_at = at})
  change_status(job, status, at)
  emit_state(job, at)
  emit(job, at, 'end', '"status":"' .. status .. '"')
end
