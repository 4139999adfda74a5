-- Every script begins with this. Above it stand KEY, TRANSITIONS, TERMINAL, HELD, DEATHS and LIMIT as tables.
-- A script checks all that it refuses before it writes: Redis does not roll back.
-- A value is either a bare word (status, id, time) or JSON made in Python; numbers never pass through cjson.

local function load_job(job_id)
  local flat = redis.call('HGETALL', KEY.JOB .. job_id)
  if #flat == 0 then return nil end
  local job = {}
  for i = 1, #flat, 2 do job[flat[i]] = flat[i + 1] end
  return job
end

local function set(job, fields)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
    job[name] = tostring(value)
  end
  redis.call('HSET', KEY.JOB .. job.id, unpack(flat))
end

local function clear(job, ...)
  redis.call('HDEL', KEY.JOB .. job.id, ...)
  for _, name in ipairs({...}) do job[name] = nil end
end

local function word(value)
  return value and '"' .. value .. '"' or 'null'
end

local function appended(joined, item)
  return joined and joined .. ',' .. item or item
end

-- What a request with this key was answered; nil when it is the first.
local function first_answer(idempotency_id, body_hash)
  if idempotency_id == '' then return nil end
  local first = redis.call('HMGET', KEY.IDEMPOTENCY .. idempotency_id, 'body_hash', 'job_id', 'answer')
  if not first[1] then return nil end
  if first[1] ~= body_hash then return {'idempotency_mismatch'} end
  return {'ok', first[2], first[3], 'replay'}
end

-- The fence: only the attempt that holds the job may write.
local function held_job(job_id, attempt_id)
  local job = load_job(job_id)
  if not job then return nil, {'job_not_found', job_id} end
  if job.attempt ~= attempt_id then return job, {'stale_attempt', job_id, attempt_id} end
  return job
end

local function emit(job, at, kind, body)
  local data = '{"job_id":"' .. job.id .. '","at":"' .. at .. '",' .. body .. '}'
  local id = redis.call('XADD', KEY.EVENTS .. job.id, 'MAXLEN', '~', LIMIT.JOB_EVENTS, '*',
    'event', kind, 'data', data)
  redis.call('XADD', KEY.FEED, 'MAXLEN', '~', LIMIT.FEED_EVENTS, '*',
    'job', job.id, 'id', id, 'event', kind, 'data', data)
end

local function emit_state(job, at)
  local body = '"status":"' .. job.status .. '","phase":' .. word(job.phase)
  if job.error then body = body .. ',"error":' .. job.error end
  emit(job, at, 'state', body)
end

local function statuses_before(status)
  local names = {}
  for name, successors in pairs(TRANSITIONS) do
    if successors[status] then names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, ',')
end

local function illegal(job, status)
  if TRANSITIONS[job.status][status] then return nil end
  return {'wrong_state', job.id, job.status, statuses_before(status)}
end

local function move(job, status, at)
  redis.call('ZREM', KEY.JOBS_BY_STATUS .. job.status, job.id)
  redis.call('ZADD', KEY.JOBS_BY_STATUS .. status, 0, job.id)
  if status == 'queued' then
    redis.call('ZADD', KEY.QUEUE, job.submitted, job.id)
    if job.gpus then redis.call('HSET', KEY.WIDE, job.id, job.gpus) end
  else
    redis.call('ZREM', KEY.QUEUE, job.id)
    redis.call('HDEL', KEY.WIDE, job.id)
  end
  local step = '{"status":"' .. status .. '","at":"' .. at .. '"}'
  set(job, {status = status, transitions = appended(job.transitions, step)})
end

local function end_job(job, status, at)
  clear(job, 'phase')
  set(job, {finished_at = at})
  move(job, status, at)
  emit_state(job, at)
  emit(job, at, 'end', '"status":"' .. status .. '"')
end

local function attempt_json(job, ended_at, outcome)
  return '{"number":' .. job.attempt_number .. ',"worker":' .. job.worker
    .. ',"started_at":"' .. job.attempt_started_at .. '","ended_at":' .. word(ended_at)
    .. ',"outcome":' .. word(outcome) .. ',"from_epoch":' .. job.from_epoch .. '}'
end

-- `asked` is what the attempt said of itself: it may say it again when the reply was lost.
local function end_attempt(job, at, outcome, asked)
  redis.call('DEL', KEY.ATTEMPT .. job.attempt)
  set(job, {
    attempts = appended(job.attempts, attempt_json(job, at, outcome)),
    ended_attempt = job.attempt .. ' ' .. asked,
  })
  clear(job, 'attempt')
end

local function has_ended_so(job, attempt_id, asked)
  return job and job.ended_attempt == attempt_id .. ' ' .. asked
end

-- Forget what came after `epoch`: an attempt starts again from there.
local function rewind(job, at, epoch)
  local best_epoch, dropped = 0, false
  for _, key in ipairs({KEY.ROWS .. job.id, KEY.BESTS .. job.id}) do
    for _, known in ipairs(redis.call('HKEYS', key)) do
      if tonumber(known) > epoch then
        redis.call('HDEL', key, known)
        dropped = true
      elseif key == KEY.BESTS .. job.id then
        best_epoch = math.max(best_epoch, tonumber(known))
      end
    end
  end
  clear(job, 'metrics', 'best')
  local row = redis.call('HGET', KEY.ROWS .. job.id, epoch)
  local best = redis.call('HGET', KEY.BESTS .. job.id, best_epoch)
  if row then set(job, {metrics = row}) end
  if best then set(job, {best = best}) end
  if dropped then
    clear(job, 'progress')
    emit(job, at, 'rewind', '"epoch":' .. epoch)
  end
end

-- The lists that a job is in for good; those by status change with it.
local function indexes(job)
  local keys = {KEY.JOBS, KEY.JOBS_BY_NAME .. job.name, KEY.JOBS_BY_DATASET .. job.dataset}
  for _, tag in ipairs(cjson.decode(job.tags)) do keys[#keys + 1] = KEY.JOBS_BY_TAG .. tag end
  return keys
end
