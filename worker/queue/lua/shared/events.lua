-- Appends events to the stream of the job and to the feed of all jobs.
-- include: redis_server/lua/json.lua

local function emit(job, at, kind, body)
  local data = '{"job_id":"' .. job.id .. '","at":"' .. at .. '",' .. body .. '}'
  local id = redis.call('XADD', KEY.EVENTS .. job.id, 'MAXLEN', '~', LIMIT.JOB_EVENTS, '*',
    'event', kind, 'data', data)
  redis.call('XADD', KEY.FEED, 'MAXLEN', '~', LIMIT.FEED_EVENTS, '*',
    'job', job.id, 'id', id, 'event', kind, 'data', data)
end

local function emit_state(job, at)
  local body = '"status":"' .. job.status .. '","phase":' .. quoted(job.phase)
  if job.error then body = body .. ',"error":' .. job.error end
  emit(job, at, 'state', body)
end
