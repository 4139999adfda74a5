-- Give the first queued job that needs at most `devices` devices and need not wait to a new attempt.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/rewind.lua
local attempt_id, worker, at, devices = args.attempt_id, args.worker, now(), args.devices
local PAGE = 100

-- The id of the first job that may run now and that `devices` devices are enough for; nearly always the head of the queue.
local function next_job_id()
  local from, now_s = 0, unix_time_s()
  while true do
    local job_ids = redis.call('ZRANGE', KEY.QUEUE, from, from + PAGE - 1)
    if #job_ids == 0 then return nil end
    local needed = redis.call('HMGET', KEY.WIDE, unpack(job_ids))
    local not_before = redis.call('HMGET', KEY.NOT_BEFORE, unpack(job_ids))
    for position, job_id in ipairs(job_ids) do
      local is_due = tonumber(not_before[position] or 0) <= now_s
      if is_due and tonumber(needed[position] or 1) <= devices then return job_id end
    end
    from = from + PAGE
  end
end

-- The first job to claim. An id without the record of a queued job is dropped: it would block the jobs behind it.
local function next_job()
  while true do
    local job_id = next_job_id()
    local job = job_id and load_job(job_id)
    if not job_id or job and job.status == 'queued' then return job end
    redis.call('ZREM', KEY.QUEUE, job_id)
    redis.call('HDEL', KEY.WIDE, job_id)
    redis.call('ZREM', KEY.JOBS_BY_STATUS .. 'queued', job_id)
  end
end

local function claimed(job)
  local _, memory_deaths = string.gsub(job.attempts or '', '"outcome":"out_of_memory"', '')
  local reply = {
    'ok', job.id, job.attempt_number, job.spec, job.created_by, job.checkpoint or '', job.stop or '', memory_deaths,
    '[' .. job.transitions .. ']', job.recipe or '',
  }
  if job.manifest then
    reply[11] = job.model_version
    reply[12] = job.manifest
  end
  return reply
end

-- A repetition after a lost reply: this attempt has claimed a job already.
local held_id = redis.call('GET', KEY.ATTEMPT .. attempt_id)
if held_id then return claimed(load_job(held_id)) end

local job = next_job()
if not job then return {'ok'} end

local status = job.stop and 'stopping' or 'running'
local from_epoch = tonumber(job.checkpoint_epoch or 0)
redis.call('SET', KEY.ATTEMPT .. attempt_id, job.id)
set_fields(job, {
  attempt = attempt_id, attempt_number = job.attempt_number + 1, worker = worker, attempt_started_at = at,
  from_epoch = from_epoch, renewals = 0, seq = 0, started_at = job.started_at or at,
  phase = job.manifest and 'publishing' or 'starting',
})
if not job.manifest then rewind(job, at, from_epoch) end
change_status(job, status, at)
emit_state(job, at)
return claimed(job)
